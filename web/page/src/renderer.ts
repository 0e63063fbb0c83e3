// Gaussians on a canvas by WebGL2: FORMAT.md, section 9.5, the farthest first, in half floats.

import type { Vector } from "./maths.js";
import type { Pinhole } from "./messages.js";
import { DRAW_FRAGMENT, DRAW_VERTEX, IDS, ROW, SHOW_FRAGMENT, SHOW_VERTEX, TEXELS } from "./shaders.js";
import { WIDTH } from "./spawn.js";

const PER_ROW = ROW / TEXELS;

const NO_WEBGL =
  "This browser offers no WebGL2, with which scenes are drawn. Open the page in a current Chrome, Edge, Firefox or Safari, " +
  "and see that graphics acceleration is switched on in its settings; csg render draws scenes without a browser.";

/** What people are told when a graphics card is reset under the page. */
export const GRAPHICS_LOST = "The graphics of this browser have been lost; load the page again.";

export class NoWebGl extends Error {}

/** How a frame is drawn beside its camera. */
export interface FrameStyle {
  readonly background: Vector;
  /** Objects with a line around them. */
  readonly selected: readonly number[];
  readonly line: Vector;
  /** Of the line, in pixels. */
  readonly thickness: number;
}

export class Renderer {
  readonly #gl: WebGL2RenderingContext;
  readonly #draw: Program;
  readonly #show: Program;
  readonly #gaussians: WebGLTexture;
  readonly #order: WebGLBuffer;
  readonly #chosen: WebGLTexture;
  readonly #drawing: WebGLVertexArrayObject;
  readonly #showing: WebGLVertexArrayObject;
  readonly #frame: WebGLFramebuffer;
  readonly #half: boolean;
  #targets: WebGLTexture[] = [];
  #size: [number, number] = [0, 0];
  #count = 0;
  #marked: string | undefined;

  /** @throws NoWebGl The browser has no WebGL2. */
  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    if (gl === null) throw new NoWebGl(NO_WEBGL);
    this.#gl = gl;
    this.#half = gl.getExtension("EXT_color_buffer_float") !== null || gl.getExtension("EXT_color_buffer_half_float") !== null;
    this.#draw = new Program(gl, DRAW_VERTEX, DRAW_FRAGMENT);
    this.#show = new Program(gl, SHOW_VERTEX, SHOW_FRAGMENT);
    this.#gaussians = gl.createTexture();
    this.#order = gl.createBuffer();
    this.#chosen = gl.createTexture();
    this.#frame = gl.createFramebuffer();
    this.#drawing = gl.createVertexArray();
    this.#showing = gl.createVertexArray();
    const corners = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, corners);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    for (const [array, program] of [[this.#drawing, this.#draw], [this.#showing, this.#show]] as const) {
      gl.bindVertexArray(array);
      gl.bindBuffer(gl.ARRAY_BUFFER, corners);
      gl.enableVertexAttribArray(program.attribute("corner"));
      gl.vertexAttribPointer(program.attribute("corner"), 2, gl.FLOAT, false, 0, 0);
    }
    gl.bindVertexArray(this.#drawing);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#order);
    const number = this.#draw.attribute("number");
    gl.enableVertexAttribArray(number);
    gl.vertexAttribIPointer(number, 1, gl.UNSIGNED_INT, 0, 0);
    gl.vertexAttribDivisor(number, 1);
  }

  /**
   * Room for so many Gaussians, none of which is there yet.
   *
   * @throws NoWebGl The device draws fewer.
   */
  reserve(count: number): void {
    const gl = this.#gl;
    const most = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    const rows = Math.max(1, Math.ceil(count / PER_ROW));
    if (rows > most) throw new NoWebGl(`The scene has ${count} Gaussians, this device draws at most ${most * PER_ROW}; csg render draws it.`);
    gl.bindTexture(gl.TEXTURE_2D, this.#gaussians);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, ROW, rows, 0, gl.RGBA, gl.FLOAT, new Float32Array(ROW * rows * 4));
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
  }

  /** Put some Gaussians into their places, row by row of the texture. */
  put(first: number, numbers: Float32Array): void {
    const gl = this.#gl;
    gl.bindTexture(gl.TEXTURE_2D, this.#gaussians);
    const last = first + numbers.length / WIDTH;
    for (let at = first; at < last; ) {
      const column = at % PER_ROW;
      const whole = column === 0 ? Math.floor((last - at) / PER_ROW) : 0;
      const count = whole > 0 ? whole * PER_ROW : Math.min(PER_ROW - column, last - at);
      const [width, height] = whole > 0 ? [ROW, whole] : [count * TEXELS, 1];
      const part = numbers.subarray((at - first) * WIDTH, (at - first + count) * WIDTH);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, column * TEXELS, Math.floor(at / PER_ROW), width, height, gl.RGBA, gl.FLOAT, part);
      at += count;
    }
  }

  /** Draw these Gaussians from now on, in this order. */
  arrange(order: Uint32Array): void {
    const gl = this.#gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#order);
    gl.bufferData(gl.ARRAY_BUFFER, order, gl.DYNAMIC_DRAW);
    this.#count = order.length;
  }

  draw(camera: Pinhole, style: FrameStyle): void {
    const gl = this.#gl;
    this.#fit(camera.width, camera.height);
    gl.viewport(0, 0, camera.width, camera.height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#frame);
    gl.drawBuffers([gl.COLOR_ATTACHMENT0, style.selected.length > 0 ? gl.COLOR_ATTACHMENT1 : gl.NONE]);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.#draw.program);
    gl.bindVertexArray(this.#drawing);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.#bind(0, this.#gaussians);
    gl.uniform1i(this.#draw.uniform("gaussians"), 0);
    gl.uniformMatrix3fv(this.#draw.uniform("axes"), true, camera.axes as number[]);
    gl.uniform3fv(this.#draw.uniform("origin"), camera.origin as unknown as number[]);
    gl.uniform2f(this.#draw.uniform("focal"), camera.fx, camera.fy);
    gl.uniform2f(this.#draw.uniform("centre"), camera.cx, camera.cy);
    gl.uniform2f(this.#draw.uniform("size"), camera.width, camera.height);
    this.#mark(style.selected);
    this.#bind(1, this.#chosen);
    gl.uniform1i(this.#draw.uniform("chosen_ones"), 1);
    gl.uniform1i(this.#draw.uniform("marking"), style.selected.length > 0 ? 1 : 0);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.#count);
    gl.disable(gl.BLEND);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.useProgram(this.#show.program);
    gl.bindVertexArray(this.#showing);
    this.#targets.forEach((target, unit) => this.#bind(unit, target));
    gl.uniform1i(this.#show.uniform("picture"), 0);
    gl.uniform1i(this.#show.uniform("marks"), 1);
    gl.uniform3fv(this.#show.uniform("background"), style.background as unknown as number[]);
    gl.uniform3fv(this.#show.uniform("line"), style.line as unknown as number[]);
    gl.uniform1i(this.#show.uniform("thickness"), style.selected.length > 0 ? style.thickness : 0);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /** One byte for each object, up to the last that is selected. */
  #mark(selected: readonly number[]): void {
    if (this.#marked === selected.join()) return;
    const gl = this.#gl;
    this.#marked = selected.join();
    const rows = Math.ceil((Math.max(0, ...selected) + 1) / IDS);
    const bytes = new Uint8Array(IDS * rows);
    for (const id of selected) bytes[id] = 255;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.#chosen);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, IDS, rows, 0, gl.RED, gl.UNSIGNED_BYTE, bytes);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
    this.#bind(0, this.#gaussians);
  }

  /** Red, green, blue, 255 of each pixel of the last frame, the upper row first. */
  pixels(): Uint8Array {
    const gl = this.#gl;
    const [width, height] = this.#size;
    const upsideDown = new Uint8Array(4 * width * height);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, upsideDown);
    const rows = Array.from({ length: height }, (_, row) => upsideDown.subarray(4 * width * row, 4 * width * (row + 1)));
    const found = new Uint8Array(upsideDown.length);
    rows.reverse().forEach((row, i) => found.set(row, 4 * width * i));
    return found;
  }

  #bind(unit: number, texture: WebGLTexture): void {
    this.#gl.activeTexture(this.#gl.TEXTURE0 + unit);
    this.#gl.bindTexture(this.#gl.TEXTURE_2D, texture);
  }

  /** Canvas and targets of the size of a picture. */
  #fit(width: number, height: number): void {
    if (this.#size[0] === width && this.#size[1] === height) return;
    const gl = this.#gl;
    this.#size = [width, height];
    this.canvas.width = width;
    this.canvas.height = height;
    this.#targets.forEach((target) => gl.deleteTexture(target));
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#frame);
    this.#targets = [0, 1].map((number) => {
      const target = gl.createTexture();
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D, target);
      gl.texStorage2D(gl.TEXTURE_2D, 1, this.#half && number === 0 ? gl.RGBA16F : gl.RGBA8, width, height);
      for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + number, gl.TEXTURE_2D, target, 0);
      return target;
    });
  }
}

class Program {
  readonly program: WebGLProgram;
  readonly #uniforms = new Map<string, WebGLUniformLocation | null>();

  constructor(
    readonly gl: WebGL2RenderingContext,
    vertex: string,
    fragment: string,
  ) {
    this.program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
      const shader = gl.createShader(kind);
      if (shader === null) throw new NoWebGl(GRAPHICS_LOST);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) {
      const shaders = gl.getAttachedShaders(this.program) ?? [];
      const faults = [gl.getProgramInfoLog(this.program), ...shaders.map((shader) => gl.getShaderInfoLog(shader))];
      throw new NoWebGl(`This browser cannot compile our shaders; try another one, or csg render. It says: ${faults.filter(Boolean).join("; ")}`);
    }
  }

  attribute(name: string): number {
    return this.gl.getAttribLocation(this.program, name);
  }

  uniform(name: string): WebGLUniformLocation | null {
    if (!this.#uniforms.has(name)) this.#uniforms.set(name, this.gl.getUniformLocation(this.program, name));
    return this.#uniforms.get(name) ?? null;
  }
}
