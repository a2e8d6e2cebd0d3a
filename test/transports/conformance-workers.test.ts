import { transportConformance } from "./conformance.ts";
import { drivers } from "./drivers.ts";

for (const driver of drivers.filter(({ name }) => name !== "SSE")) {
  transportConformance(
    driver,
    drivers.filter((other) => other !== driver),
    3,
  );
}
