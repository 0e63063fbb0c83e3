// A decoder in a worker. Its whole program is: import { serve } from "csgaussian"; serve(self);

import { Decoder } from "../decoder.js";
import { buffersOf, type Answer, type Port, type Request } from "./messages.js";

/** Decode what comes through a port, one request after the other. */
export function serve(port: Port): void {
  let decoder: Decoder | undefined;
  const send = (answer: Answer): void => port.postMessage(answer, buffersOf(answer));
  const answerTo = (request: Request): Answer => {
    decoder ??= Decoder.createSync();
    const { id, bytes, options } = request;
    if (request.do === "semantics") return { id, layer: decoder.semantics(bytes, request.voxels, options) };
    return { id, scene: decoder.decode(bytes, { ...options, progress: ({ done }) => send({ id, progress: done }) }) };
  };
  port.onmessage = ({ data }: MessageEvent) => {
    const request = data as Request;
    try {
      send(answerTo(request));
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      send({ id: request.id, error: { name, message } });
    }
  };
}
