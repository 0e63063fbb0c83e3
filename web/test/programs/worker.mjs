// A worker that decodes.

import { workerData } from "node:worker_threads";

import { serve } from "../../dist/index.js";

serve(workerData);
