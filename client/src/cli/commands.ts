// Every command there is, in the order of the help.

import { cancel } from "./cancel.ts";
import type { Command } from "./command.ts";
import { doctor } from "./doctor.ts";
import { keys } from "./keys.ts";
import { logs } from "./logs.ts";
import { retry } from "./retry.ts";
import { stats } from "./stats.ts";
import { submit } from "./submit.ts";
import { watch } from "./watch.ts";

export const COMMANDS: readonly Command[] = [submit, watch, logs, retry, cancel, stats, keys, doctor];
