// Copies the simulator's page beside the compiled code that serves it: files that a browser reads as they are, which the compiler leaves out.
import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const files = join('simulator', 'page', 'files');
// A file that is gone from the sources is not to stay in an older build.
rmSync(join(root, 'dist', files), { recursive: true, force: true });
cpSync(join(root, files), join(root, 'dist', files), { recursive: true });
