import { transportConformance } from "./conformance.ts";
import { drivers } from "./drivers.ts";

for (const driver of drivers) {
  transportConformance(
    driver,
    drivers.filter((other) => other !== driver),
  );
}
