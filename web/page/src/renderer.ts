// Gaussians on a canvas by WebGL2: FORMAT.md, section 9.5, the farthest first, in half floats.

import type { Vector } from "./maths.js";
import type { Pinhole } from "./messages.js";
import { WIDTH } from "./spawn.js";

const TEXELS = WIDTH / 4;
/** Texels of a row of the texture that holds the Gaussians. */
const ROW = 2048;
const PER_ROW = ROW / TEXELS;

const DRAW_VERTEX = `#version 300 es
precision highp float;
precision highp int;
uniform highp sampler2D gaussians;
uniform mat3 axes;
uniform vec3 origin;
uniform vec2 focal;
uniform vec2 centre;
uniform vec2 size;
uniform float selected;
in vec2 corner;
in uint number;
out vec2 away;
flat out vec3 conic;
flat out vec4 paint;
flat out float chosen;

vec4 texel(int k) {
  int place = int(number) * ${TEXELS} + k;
  return texelFetch(gaussians, ivec2(place % ${ROW}, place / ${ROW}), 0);
}

void main() {
  vec4 mean = texel(0);
  vec3 p = axes * mean.xyz + origin;
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if (mean.w < 1.0 / 255.0 || p.z < 0.01) return;
  vec4 colour = texel(1);
  vec4 a = texel(2);
  vec2 b = texel(3).xy;
  vec2 ratio = p.xy / p.z;
  vec2 margin = 0.15 * size / focal;
  vec2 t = clamp(ratio, -centre / focal - margin, (size - centre) / focal + margin);
  mat3 rows = transpose(axes);
  vec3 u = focal.x / p.z * (rows[0] - t.x * rows[2]);
  vec3 v = focal.y / p.z * (rows[1] - t.y * rows[2]);
  mat3 covariance = mat3(a.x, a.y, a.z, a.y, a.w, b.x, a.z, b.x, b.y);
  vec3 su = covariance * u;
  float xx = dot(u, su) + 0.3;
  float xy = dot(v, su);
  float yy = dot(v, covariance * v) + 0.3;
  float determinant = xx * yy - xy * xy;
  if (!(determinant > 0.0)) return;
  float reach = sqrt(2.0 * log(255.0 * mean.w));
  vec2 extent = reach * sqrt(vec2(xx, yy));
  vec2 at = focal * ratio + centre;
  if (any(greaterThan(abs(at - 0.5 * size), 0.5 * size + extent))) return;
  away = corner * extent;
  conic = vec3(yy, -xy, xx) / determinant;
  paint = vec4(colour.rgb, mean.w);
  chosen = selected > 0.0 && colour.a == selected ? 1.0 : 0.0;
  vec2 place = (at + away) / size * 2.0 - 1.0;
  gl_Position = vec4(place.x, -place.y, 0.0, 1.0);
}`;

const DRAW_FRAGMENT = `#version 300 es
precision highp float;
in vec2 away;
flat in vec3 conic;
flat in vec4 paint;
flat in float chosen;
layout(location = 0) out vec4 colour;
layout(location = 1) out vec4 mark;

void main() {
  float power = 0.5 * (conic.x * away.x * away.x + conic.z * away.y * away.y) + conic.y * away.x * away.y;
  float alpha = min(0.999, paint.a * exp(-power));
  if (alpha < 1.0 / 255.0) discard;
  colour = vec4(paint.rgb * alpha, alpha);
  mark = vec4(chosen * alpha, 0.0, 0.0, alpha);
}`;

const SHOW_VERTEX = `#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

const SHOW_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D picture;
uniform sampler2D marks;
uniform vec3 background;
uniform vec3 line;
uniform int thickness;
out vec4 colour;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec4 drawn = texelFetch(picture, at, 0);
  vec3 shown = drawn.rgb + (1.0 - drawn.a) * background;
  if (thickness > 0) {
    ivec2 last = textureSize(marks, 0) - 1;
    float least = 1.0;
    float most = 0.0;
    for (int y = -1; y <= 1; y++) for (int x = -1; x <= 1; x++) {
      float mark = texelFetch(marks, clamp(at + thickness * ivec2(x, y), ivec2(0), last), 0).r;
      least = min(least, mark);
      most = max(most, mark);
    }
    if (least < 0.5 && most >= 0.5) shown = line;
  }
  colour = vec4(shown, 1.0);
}`;

export class NoWebGl extends Error {}

/** How a frame is drawn beside its camera. */
export interface FrameStyle {
  readonly background: Vector;
  /** Object with a line around it; 0 for none. */
  readonly selected: number;
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
  readonly #drawing: WebGLVertexArrayObject;
  readonly #showing: WebGLVertexArrayObject;
  readonly #frame: WebGLFramebuffer;
  readonly #half: boolean;
  #targets: WebGLTexture[] = [];
  #size: [number, number] = [0, 0];
  #count = 0;

  /** @throws NoWebGl The browser has no WebGL2. */
  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    if (gl === null) throw new NoWebGl("this browser offers no WebGL2, with which scenes are drawn");
    this.#gl = gl;
    this.#half = gl.getExtension("EXT_color_buffer_float") !== null || gl.getExtension("EXT_color_buffer_half_float") !== null;
    this.#draw = new Program(gl, DRAW_VERTEX, DRAW_FRAGMENT);
    this.#show = new Program(gl, SHOW_VERTEX, SHOW_FRAGMENT);
    this.#gaussians = gl.createTexture();
    this.#order = gl.createBuffer();
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

  /** Room for so many Gaussians, none of which is there yet. */
  reserve(count: number): void {
    const gl = this.#gl;
    const most = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    const rows = Math.max(1, Math.ceil(count / PER_ROW));
    if (rows > most) throw new NoWebGl(`the scene has ${count} Gaussians, this device draws at most ${most * PER_ROW}`);
    gl.bindTexture(gl.TEXTURE_2D, this.#gaussians);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, ROW, rows, 0, gl.RGBA, gl.FLOAT, new Float32Array(ROW * rows * 4));
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
    this.#count = 0;
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
    gl.uniform1f(this.#draw.uniform("selected"), style.selected);
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
    gl.uniform1i(this.#show.uniform("thickness"), style.selected > 0 ? style.thickness : 0);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
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
    gl.drawBuffers([gl.COLOR_ATTACHMENT0, gl.COLOR_ATTACHMENT1]);
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
      if (shader === null) throw new NoWebGl("the graphics of this browser have been lost; load the page again");
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) {
      const shaders = gl.getAttachedShaders(this.program) ?? [];
      const faults = [gl.getProgramInfoLog(this.program), ...shaders.map((shader) => gl.getShaderInfoLog(shader))];
      throw new NoWebGl(`this browser cannot compile our shaders: ${faults.filter(Boolean).join("; ")}`);
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
