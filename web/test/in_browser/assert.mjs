// As much of node:assert/strict as the tests use.

class AssertionError extends Error {}

const isObject = (value) => typeof value === "object" && value !== null;

/** The same values, of the same types, all the way down. */
function same(found, expected) {
  if (!isObject(found) || !isObject(expected)) return Object.is(found, expected);
  if (Object.getPrototypeOf(found) !== Object.getPrototypeOf(expected)) return false;
  const keys = Object.keys(expected);
  return keys.length === Object.keys(found).length && keys.every((key) => Object.hasOwn(found, key) && same(found[key], expected[key]));
}

function fail(message, fallback) {
  throw new AssertionError(message === undefined ? fallback : `${message}: ${fallback}`);
}

const ok = (value, message) => value || fail(message, `${value} is not true`);

/** Whether an error is what was expected: of a class, with a text, or as a function says. */
function fits(error, expected) {
  if (expected === undefined) return true;
  if (expected instanceof RegExp) return expected.test(String(error));
  return expected === Error || expected.prototype instanceof Error ? error instanceof expected : expected(error) === true;
}

function throws(work, expected, message) {
  let caught;
  try {
    work();
  } catch (error) {
    caught = { error };
  }
  if (caught === undefined) return fail(message, "nothing was thrown");
  if (!fits(caught.error, expected)) fail(message, `another error was thrown: ${caught.error?.stack}`);
}

export default {
  ok,
  throws,
  doesNotThrow: (work) => void work(),
  equal: (found, expected, message) => Object.is(found, expected) || fail(message, `${found} is not ${expected}`),
  deepEqual: (found, expected, message) =>
    same(found, expected) || fail(message, `${JSON.stringify(found)} is not ${JSON.stringify(expected)}`),
};
