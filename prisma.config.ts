import { defineConfig, env } from 'prisma/config';

// For Prisma's own command line beside this project's migrator; `scripts/generate-client.mjs` sets a placeholder address.
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: env('DATABASE_URL') },
});
