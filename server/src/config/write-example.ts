/** Writes `penstock.example.yaml` anew: npm run example-config. */
import { writeFileSync } from "node:fs";
import { exampleYaml } from "./example.ts";

writeFileSync(new URL("../../../penstock.example.yaml", import.meta.url), exampleYaml());
