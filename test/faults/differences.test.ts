import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { accountViolations } from './support/invariants.js';
import { rewriteTalkdesk } from './support/rewriting.js';
import { type SettledWorld, startSettledWorld } from './support/settled-world.js';
import { tamperWith } from './support/tampering.js';

let world: SettledWorld;
before(async () => {
  world = await startSettledWorld();
});
after(() => world?.stop());

describe('I5 is broken by an installation', () => {
  it('that is not in the tables', async () => {
    const { installation_id: id } = world.crowded;
    await world.brokenInTables('installation', `DELETE FROM installation WHERE id = '${id}'`, [
      `I5: installation ${id} is not in the tables`,
    ]);
  });

  for (const [kind, atTalkdesk, here] of [
    ['crowded', 'completed', 'ended'],
    ['suspended', 'suspended', 'pending'],
    ['rejected', 'rejected', 'active'],
    ['uninstalled', 'revoked', 'active'],
  ] as const) {
    it(`that is ${atTalkdesk} at Talkdesk and ${here} here`, async () => {
      const { installation_id: id } = world[kind];
      await world.brokenInTables('installation', `UPDATE installation SET state = '${here}' WHERE id = '${id}'`, [
        `I5: installation ${id} is ${atTalkdesk} at Talkdesk and ${here} here`,
      ]);
    });
  }

  it('whose credentials are those of before the rotation', async () => {
    const { installation_id: id, client_id: before, rotated_client_id: now } = world.rotated;
    await world.brokenInTables(
      'credential',
      `UPDATE credential SET client_id = '${before}' WHERE installation_id = '${id}' AND state = 'current'`,
      [`I5: installation ${id} has the client ${now} at Talkdesk and ${before} here`],
    );
  });

  it('that is gone and has credentials', async () => {
    const { installation_id: id } = world.uninstalled;
    await world.brokenInTables(
      'credential',
      `UPDATE credential SET state = 'current', private_key = 'sealed' WHERE installation_id = '${id}'`,
      [`I5: installation ${id} is revoked at Talkdesk and has credentials here`],
    );
  });
});

/** The product's id of the account of an installation, as SQL. */
const accountOf = ({ account_id: id }: { account_id: string }) =>
  `(SELECT account_id FROM account WHERE talkdesk_account_id = '${id}')`;

describe('I5 is broken by a product account', () => {
  for (const [kind, atTalkdesk, inProduct] of [
    ['crowded', 'completed', 'closed'],
    ['updated', 'completed', 'suspended'],
    ['suspended', 'suspended', 'active'],
  ] as const) {
    it(`that is ${atTalkdesk} at Talkdesk and ${inProduct} in the product`, async () => {
      const { account_id: id } = world[kind];
      await world.brokenInProduct(
        'account',
        `UPDATE account SET status = '${inProduct}' WHERE talkdesk_account_id = '${id}'`,
        [`I5: account ${id} is ${atTalkdesk} at Talkdesk and ${inProduct} in the product`],
      );
    });
  }

  it('that is missing', async () => {
    const { account_id: id } = world.updated;
    await world.brokenInProduct('account', `DELETE FROM account WHERE talkdesk_account_id = '${id}'`, [
      `I5: account ${id} is installed and missing in the product`,
    ]);
  });

  it('that is open after the uninstall', async () => {
    const { account_id: id } = world.uninstalled;
    await world.brokenInProduct('account', `UPDATE account SET status = 'active' WHERE talkdesk_account_id = '${id}'`, [
      `I5: account ${id} is open in the product and nowhere installed`,
    ]);
  });

  it('that has users after the uninstall', async () => {
    const { account_id: id } = world.uninstalled;
    await world.brokenInProduct(
      'account_user',
      `UPDATE account_user SET active = true WHERE account_id = ${accountOf(world.uninstalled)}`,
      [`I5: account ${id} is closed and has users in the product`],
    );
  });

  it('that has another plan', async () => {
    const { account_id: id } = world.updated;
    await world.brokenInProduct(
      'account',
      `UPDATE account SET plan_name = 'Paid Plus' WHERE talkdesk_account_id = '${id}'`,
      [`I5: account ${id} has the plan Paid Max with 9 licences at Talkdesk, and Paid Plus with 9 in the product`],
    );
  });

  it('that has none, unless Talkdesk has answered that there is none', async () => {
    const { surroundings, updated } = world;
    const { account_id: id, installation_id: installationId } = updated;
    const none = `UPDATE account SET plan_name = NULL WHERE talkdesk_account_id = '${id}'`;
    await world.brokenInProduct('account', none, [
      `I5: account ${id} has the plan Paid Max with 9 licences at Talkdesk, and null with 9 in the product`,
    ]);
    const mend = await rewriteTalkdesk(surroundings, (find) =>
      find({ installation_id: installationId, route: 'subscription', status: 200 }).set('status', 404),
    );
    try {
      await world.brokenInProduct('account', none, []);
    } finally {
      await mend();
    }
  });

  it('that has another number of licences', async () => {
    const { account_id: id } = world.updated;
    await world.brokenInProduct('account', `UPDATE account SET licenses = 10 WHERE talkdesk_account_id = '${id}'`, [
      `I5: account ${id} has the plan Paid Max with 9 licences at Talkdesk, and Paid Max with 10 in the product`,
    ]);
  });
});

describe('I5 is broken by a user', () => {
  /** One of the users of an account, as a condition. */
  const oneOf = (table: string, condition: string) =>
    `${condition} AND talkdesk_user_id = (SELECT min(talkdesk_user_id) FROM ${table} WHERE ${condition})`;
  const inProduct = (made: { account_id: string }) =>
    oneOf('account_user', `account_id = ${accountOf(made)} AND active`);
  const inMapping = ({ account_id: id }: { account_id: string }) =>
    oneOf('user_mapping', `account_id = '${id}' AND ended_at IS NULL`);

  it('who is out of the product', async () => {
    const { account_id: id } = world.crowded;
    await world.brokenInProduct(
      'account_user',
      `UPDATE account_user SET active = false WHERE ${inProduct(world.crowded)}`,
      [
        `I5: account ${id} has 1 users in the product, 0 of them unknown to Talkdesk; 3 are assigned there with 2 seats`,
        `I5: account ${id} has 2 users with a seat here and 1 in the product, 1 in common`,
      ],
    );
  });

  it('who is in the product beyond the seats', async () => {
    const { account_id: id } = world.crowded;
    await world.brokenInProduct(
      'account_user',
      `UPDATE account_user SET active = true WHERE account_id = ${accountOf(world.crowded)}`,
      [
        `I5: account ${id} has 3 users in the product, 0 of them unknown to Talkdesk; 3 are assigned there with 2 seats`,
        `I5: account ${id} has 2 users with a seat here and 3 in the product, 2 in common`,
      ],
    );
  });

  it('whom only the product knows', async () => {
    const { account_id: id } = world.updated;
    const renamed = `talkdesk_user_id = 'stranger'`;
    await world.brokenInProduct(
      'account_user',
      `UPDATE account_user SET ${renamed} WHERE ${inProduct(world.updated)}`,
      [
        `I5: account ${id} has 5 users in the product, 1 of them unknown to Talkdesk; 5 are assigned there with 5 seats`,
        `I5: account ${id} has 5 users with a seat here and 5 in the product, 4 in common`,
      ],
    );
  });

  it('who is out of our mapping', async () => {
    const { account_id: id } = world.updated;
    await world.brokenInTables(
      'user_mapping',
      `UPDATE user_mapping SET ended_at = now() WHERE ${inMapping(world.updated)}`,
      [
        `I5: account ${id} has 4 users in our mapping, 0 of them unknown to Talkdesk; 5 are assigned there`,
        `I5: account ${id} has 4 users with a seat here and 5 in the product, 4 in common`,
      ],
    );
  });

  it('whom only our mapping knows', async () => {
    const { account_id: id } = world.updated;
    const renamed = `talkdesk_user_id = 'stranger'`;
    await world.brokenInTables('user_mapping', `UPDATE user_mapping SET ${renamed} WHERE ${inMapping(world.updated)}`, [
      `I5: account ${id} has 5 users in our mapping, 1 of them unknown to Talkdesk; 5 are assigned there`,
      `I5: account ${id} has 5 users with a seat here and 5 in the product, 4 in common`,
    ]);
  });

  it('who is kept under another product user', async () => {
    const { account_id: id } = world.updated;
    await world.brokenInTables(
      'user_mapping',
      `UPDATE user_mapping SET product_user_id = 'other' WHERE ${inMapping(world.updated)}`,
      [`I5: account ${id} has 5 users with a seat here and 5 in the product, 4 in common`],
    );
  });

  it('who has a seat here and none in the product', async () => {
    const { account_id: id } = world.crowded;
    await world.brokenInTables('user_mapping', `UPDATE user_mapping SET seat = 'active' WHERE account_id = '${id}'`, [
      `I5: account ${id} has 3 users with a seat here and 2 in the product, 2 in common`,
    ]);
  });
});

describe('what is judged of one account', () => {
  it('is what is broken there, and not elsewhere', async () => {
    const { surroundings, crowded, updated } = world;
    const { account_id: id } = crowded;
    const closed = `UPDATE account SET status = 'closed' WHERE talkdesk_account_id = '${id}'`;
    const mend = await tamperWith(surroundings.product, 'account', closed);
    try {
      assert.deepEqual(await accountViolations(surroundings, id), [
        `I5: account ${id} is completed at Talkdesk and closed in the product`,
      ]);
      assert.deepEqual(await accountViolations(surroundings, updated.account_id), []);
    } finally {
      await mend();
    }
  });
});
