// What a kernel answers: 0, or why the bytes were refused. src/kernels.ts has the words.

export const OK: i32 = 0;
export const BAD_END: i32 = 1;
export const WRONG_COUNT: i32 = 2;
export const BAD_STATE: i32 = 3;
export const WORDS_MISSING: i32 = 4;
export const TOO_LARGE: i32 = 5;
export const BITS_LEFT: i32 = 6;
