// Decodes chunks for the worker that has the scene.

import { serve, type Port } from "../../dist/index.js";

serve(self as unknown as Port); // the scope of a worker
