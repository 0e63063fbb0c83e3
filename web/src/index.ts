export * from "./container/container.js";
export * from "./base/kernels.js";
