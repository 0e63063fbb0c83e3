// Why a file is refused. Each message says what was expected, what came, where, and what to do.

/** Base of every error that this library throws on purpose. */
export class CsgError extends Error {
  override readonly name: string = "CsgError";
}

/** The file breaks the format: damaged, cut, or of something else. */
export class FormatError extends CsgError {
  override readonly name: string = "FormatError";
}

/** The file asks for more memory or work than the reader's limits allow, or than this machine has. */
export class LimitExceeded extends FormatError {
  override readonly name: string = "LimitExceeded";
}

/** The file uses something that this reader does not know, or does not read, and must not ignore. */
export class UnsupportedVersion extends FormatError {
  override readonly name: string = "UnsupportedVersion";
}

/** The caller asks for something that the file does not have. */
export class RequestError extends CsgError {
  override readonly name: string = "RequestError";
}
