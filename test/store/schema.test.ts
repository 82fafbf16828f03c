import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PrismaPg } from '@prisma/adapter-pg';
import { Prisma, PrismaClient } from '../../store/generated/client.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.drop());

describe('the schema', () => {
  it('names only tables and columns that the migrations make', async () => {
    const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: database.url }) });
    const models = Object.values(Prisma.ModelName);
    assert.equal(models.length, 11);
    for (const model of models) {
      const delegate = `${model[0]?.toLowerCase()}${model.slice(1)}` as 'inboxEvent';
      assert.equal(await client[delegate].findFirst(), null, model);
    }
    await client.$disconnect();
  });

  it('leaves out no column of the migrations', async () => {
    const fields = Object.values(Prisma.ModelName).flatMap((model) => Object.keys(Prisma[`${model}ScalarFieldEnum`]));
    const [row] = await database.query<{ columns: number }>(
      `SELECT count(*)::int AS columns FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'`,
    );
    assert.equal(row?.columns, fields.length);
  });
});
