import { serve } from "../../dist/index.js";

serve(self);
