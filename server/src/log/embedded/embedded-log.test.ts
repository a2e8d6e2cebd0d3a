import { testLog } from "../conformance.ts";
import { fixture } from "./fixture.ts";

testLog(fixture);
