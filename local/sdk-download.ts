/**
 * Program of its own: `sdk-download <temporal | temporal-test-server> <dir> <sdk version>` lets the Temporal SDK download the
 * program into `dir`. The SDK downloads only on the way to starting the program, so it is started and stopped once.
 *
 * The runtime's own methods are used, not the testing package, which is there for development only.
 */
import { Runtime } from '@temporalio/worker';

const [name, downloadDir, sdkVersion] = process.argv.slice(2);
if (name === undefined || downloadDir === undefined || sdkVersion === undefined) {
  process.stderr.write('usage: sdk-download <temporal | temporal-test-server> <dir> <sdk version>\n');
  process.exit(2);
}
const exe = {
  type: 'cached-download' as const,
  downloadDir,
  // The service's word for the version that fits this SDK.
  version: 'default',
  ttl: 24 * 3_600_000,
  sdkName: 'sdk-typescript',
  sdkVersion,
};
try {
  const runtime = Runtime.instance();
  const server = await runtime.createEphemeralServer(
    name === 'temporal'
      ? {
          type: 'dev-server',
          exe,
          namespace: 'default',
          ip: '127.0.0.1',
          port: null,
          ui: false,
          uiPort: null,
          dbFilename: null,
          log: { format: 'pretty', level: 'warn' },
          extraArgs: [],
        }
      : { type: 'time-skipping', exe, port: null, extraArgs: [] },
  );
  await runtime.shutdownEphemeralServer(server);
} catch (error) {
  // One line: the caller shows the last one.
  process.stderr.write(`${String(error).replaceAll('\n', ' ')}\n`);
  process.exitCode = 1;
}
