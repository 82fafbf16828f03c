import { runCheck } from '../check/command.js';
import { checkHelp } from '../check/help.js';
import type { Command } from './io.js';

/** `check`: a partner backend against the scenarios; see `checkHelp`. */
export const checkCommand: Command = { help: checkHelp, run: runCheck };
