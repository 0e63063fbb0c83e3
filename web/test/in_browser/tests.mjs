// As much of node:test as the tests use: it gathers them.

export const gathered = [];

export function test(name, work) {
  gathered.push({ name, work });
}
