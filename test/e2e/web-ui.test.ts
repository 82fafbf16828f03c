import { after, before, it } from 'node:test';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { startBrowser } from '../support/browser.js';
import { startTestService } from '../support/service.js';
import { createSurroundings } from '../support/stack.js';
import { connectTemporal, createOwnDevServer } from '../support/temporal.js';

it('explore', async () => {
  const out = '/tmp/webui-scratch';
  const dir = await mkdtemp(join(tmpdir(), 'webui-'));
  const server = await createOwnDevServer({ dir, ui: true });
  const temporal = await connectTemporal(server.address);
  const s = await createSurroundings({ temporalAddress: server.address });
  const service = await startTestService(s);
  const browser = await startBrowser();
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  try {
    await s.product.down();
    const installed = await s.simulator.control.createInstallation({ app_id: s.appId, account_name: 'acme', users: 25 });
    const id = `${installed.app_id}/${installed.account_id}`;
    const handle = temporal.client.workflow.getHandle(id);
    await eventually('failed', async () => ((await handle.describe()).raw.pendingActivities?.[0]?.attempt ?? 0) > 1);
    const runId = (await handle.describe()).runId;
    const shoot = async (name: string, path: string) => {
      await page.goto(`${server.uiUrl}/namespaces/default/workflows/${encodeURIComponent(id)}/${runId}/${path}`);
      await page.waitForTimeout(2500);
      await page.screenshot({ path: `${out}/${name}.png`, fullPage: true });
      await writeFile(`${out}/${name}.txt`, page.url() + '\n' + await page.evaluate('document.body.innerText'));
      await writeFile(`${out}/${name}.html`, await page.content());
    };
    await shoot('1-default', '');
    await shoot('2-history', 'history');
    await shoot('3-timeline', 'timeline');
    await shoot('4-pending', 'pending-activities');
    await shoot('5-metadata', 'user-metadata');
    await s.product.up();
    await eventually('done', async () => (await handle.describe()).status.name === 'COMPLETED');
    await shoot('6-done', 'timeline');
    await shoot('7-done', 'history');
  } finally {
    await browser.close(); await service.stop(); await s.stop(); await temporal.close(); await server.stop();
  }
});
