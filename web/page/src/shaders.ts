// How a Gaussian is drawn, FORMAT.md, section 9.5, and how the picture is shown with a line around what is selected.

import { WIDTH } from "./spawn.js";

/** Texels of a Gaussian. */
export const TEXELS = WIDTH / 4;
/** Texels of a row of the texture that holds the Gaussians. */
export const ROW = 2048;

/** Numbers of objects in a row of the texture that tells which are selected. */
export const IDS = 256;

export const DRAW_VERTEX = `#version 300 es
precision highp float;
precision highp int;
uniform highp sampler2D gaussians;
uniform mat3 axes;
uniform vec3 origin;
uniform vec2 focal;
uniform vec2 centre;
uniform vec2 size;
uniform highp sampler2D chosen_ones;
uniform bool marking;
in vec2 corner;
in uint number;
out vec2 away;
flat out vec3 conic;
flat out vec4 paint;
flat out vec2 chosen;

vec4 texel(int k) {
  int place = int(number) * ${TEXELS} + k;
  return texelFetch(gaussians, ivec2(place % ${ROW}, place / ${ROW}), 0);
}

void main() {
  vec4 mean = texel(0);
  vec3 p = axes * mean.xyz + origin;
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  vec3 b = texel(3).xyz;
  vec4 colour = texel(1);
  int id = int(colour.a);
  ivec2 told = ivec2(id % ${IDS}, id / ${IDS});
  chosen.x = told.y < textureSize(chosen_ones, 0).y ? texelFetch(chosen_ones, told, 0).r : 0.0;
  chosen.y = mean.w > 0.0 ? b.z : 0.0;
  float most = marking ? max(mean.w, chosen.y) : mean.w;
  if (most < 1.0 / 255.0 || p.z < 0.01) return;
  vec4 a = texel(2);
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
  float reach = sqrt(2.0 * log(255.0 * most));
  vec2 extent = reach * sqrt(vec2(xx, yy));
  vec2 at = focal * ratio + centre;
  if (any(greaterThan(abs(at - 0.5 * size), 0.5 * size + extent))) return;
  // a box along the axes of the ellipse, half a pixel wider than it
  float half_trace = 0.5 * (xx + yy);
  float apart = length(vec2(0.5 * (xx - yy), xy));
  vec2 along = xx >= yy ? vec2(0.5 * (xx - yy) + apart, xy) : vec2(xy, 0.5 * (yy - xx) + apart);
  along = apart > 1e-6 * half_trace ? normalize(along) : vec2(1.0, 0.0);
  vec2 axes_of = reach * sqrt(vec2(half_trace + apart, max(0.3, half_trace - apart))) + 0.5;
  away = corner.x * axes_of.x * along + corner.y * axes_of.y * vec2(-along.y, along.x);
  conic = vec3(yy, -xy, xx) / determinant;
  paint = vec4(colour.rgb, mean.w);
  vec2 place = (at + away) / size * 2.0 - 1.0;
  gl_Position = vec4(place.x, -place.y, 0.0, 1.0);
}`;

export const DRAW_FRAGMENT = `#version 300 es
precision highp float;
in vec2 away;
flat in vec3 conic;
flat in vec4 paint;
flat in vec2 chosen;
layout(location = 0) out vec4 colour;
layout(location = 1) out vec4 mark;

void main() {
  float power = 0.5 * (conic.x * away.x * away.x + conic.z * away.y * away.y) + conic.y * away.x * away.y;
  float alpha = min(0.999, paint.a * exp(-power));
  float solid = min(0.999, chosen.y * exp(-power));
  if (max(alpha, solid) < 1.0 / 255.0) discard;
  colour = alpha < 1.0 / 255.0 ? vec4(0.0) : vec4(paint.rgb * alpha, alpha);
  mark = solid < 1.0 / 255.0 ? vec4(0.0) : vec4(chosen.x * solid, 0.0, 0.0, solid);
}`;

export const SHOW_VERTEX = `#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

export const SHOW_FRAGMENT = `#version 300 es
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
