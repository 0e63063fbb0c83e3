export * from "./container/container.js";
export * from "./base/kernels.js";
export * from "./networks/models.js";
