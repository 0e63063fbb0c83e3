// A decoder in a worker. Its whole program is: import { serve } from "csgaussian"; serve(self);

import { Parts } from "../container/parts.js";
import { Decoder } from "../decoder.js";
import { buffersOf, type Answer, type Port, type Request } from "./messages.js";

/** Decode what comes through a port, one request after the other. */
export function serve(port: Port): void {
  let decoder: Decoder | undefined;
  const send = (answer: Answer): void => port.postMessage(answer, buffersOf(answer));
  port.onmessage = ({ data }: MessageEvent) => {
    const { id, size, parts, options } = data as Request;
    try {
      decoder ??= Decoder.createSync();
      send({ id, scene: decoder.decode(new Parts(size, parts), options) });
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      send({ id, error: { name, message } });
    }
  };
}
