/**
 * Who may import whom, folder by folder. `check-import-table.ts` holds the tree to it; a folder with TypeScript that has
 * no row fails. A target is a folder (`store`), or a file or folder inside one (`store/generated`), without extension.
 */
export interface FolderRule {
  /** Targets whose values may be imported. Own files are always allowed. */
  values: string[];
  /** Targets of which `import type` is allowed besides. */
  types?: string[];
  /** Targets forbidden although `values` or `types` cover their folder. */
  except?: string[];
  /** Node's own modules: false where the code must run without them. */
  builtins?: boolean;
  /** npm packages: a list names all that are allowed, `except` those that are not. A trailing `/*` covers a scope. */
  packages: { only: string[]; types?: string[] } | { except: string[]; types?: string[] };
  /** Names that may be imported from a package, where not all may. */
  names?: Record<string, RegExp>;
}

/** Targets that only these folders may import, whatever the rows say. */
export const PRIVATE_TARGETS: Record<string, string[]> = { 'store/generated': ['store', 'test/store'] };

/** Packages whose values only these files or folders import. */
export const PRIVATE_PACKAGES: Record<string, string[]> = {
  '@prisma/adapter-pg': ['store', 'test/store'],
  '@prisma/client': ['store', 'test/store'],
  '@temporalio/testing': ['test'],
};

const TEMPORAL = '@temporalio/*';

/** The table. */
export const IMPORT_TABLE: Record<string, FolderRule> = {
  contracts: {
    values: [],
    builtins: false,
    packages: { only: ['@temporalio/workflow'], types: ['@temporalio/common'] },
    names: { '@temporalio/workflow': /^define/ },
  },
  workflows: {
    values: ['contracts'],
    types: ['activities'],
    builtins: false,
    packages: { only: ['@temporalio/workflow', '@temporalio/common'] },
    // Typed search attributes are declared by the common package alone.
    names: { '@temporalio/common': /^(defineSearchAttributeKey|SearchAttributeType)$/ },
  },
  activities: {
    values: ['contracts', 'talkdesk/errors', 'product/errors', 'store/errors'],
    types: ['talkdesk', 'product', 'store'],
    packages: {
      except: ['@temporalio/client', '@temporalio/worker', '@temporalio/workflow', 'express', '@prisma/*', 'pg'],
    },
  },
  talkdesk: { values: [], packages: { except: [TEMPORAL, 'express', '@prisma/*', 'pg'] } },
  product: { values: [], packages: { except: [TEMPORAL, 'express', '@prisma/*'] } },
  store: { values: [], packages: { except: [TEMPORAL, 'express', 'got'] } },
  api: {
    values: ['contracts', 'config', 'store', 'talkdesk'],
    types: ['workflows'],
    // Calls to Talkdesk's API on behalf of an installation are made by activities.
    except: ['talkdesk/client', 'talkdesk/tokens', 'talkdesk/assertion', 'talkdesk/private-key'],
    packages: {
      except: ['@temporalio/worker', '@temporalio/workflow', '@temporalio/activity', '@prisma/*', 'pg', 'got'],
    },
  },
  worker: {
    values: ['contracts', 'config', 'activities', 'workflows', 'talkdesk', 'product', 'store'],
    packages: { except: ['express', '@prisma/*'] },
  },
  service: { values: ['contracts', 'api', 'worker', 'config'], packages: { except: ['express', '@prisma/*', 'got'] } },
  ops: {
    // The one comparison with the tables; everything else goes through the service's own ways.
    values: ['contracts', 'config', 'store/known-events'],
    types: ['workflows'],
    packages: {
      except: [
        '@temporalio/worker',
        '@temporalio/workflow',
        '@temporalio/activity',
        'express',
        '@prisma/*',
        'pg',
        'got',
      ],
    },
  },
  local: {
    values: ['contracts', 'service', 'config', 'store', 'prisma', 'product/sample/create-database'],
    packages: { except: ['express', '@prisma/*'] },
  },
  simulator: { values: [], packages: { except: [TEMPORAL, '@prisma/*', 'pg', 'got'] } },
  config: { values: [], packages: { only: ['@temporalio/envconfig', 'pino', 'zod'], types: [TEMPORAL] } },
  prisma: { values: ['store'], packages: { except: [TEMPORAL, 'express'] } },
  examples: { values: ['product'], packages: { except: [TEMPORAL] } },
  scripts: { values: [], packages: { except: [] } },
  test: {
    values: [
      ...['contracts', 'workflows', 'activities', 'talkdesk', 'product', 'store', 'prisma', 'config'],
      ...['api', 'worker', 'service', 'local', 'ops', 'scripts', 'examples'],
    ],
    packages: { except: [] },
  },
};

/** Stricter rows for single files, on top of their folder's. */
export const FILE_RULES: { files: RegExp; not?: RegExp; neverPackages: string[]; why: string }[] = [
  { files: /^workflows\/state\.ts$/, neverPackages: [TEMPORAL], why: 'the transition table is pure' },
  {
    files: /^api\//,
    not: /^api\/temporal(-errors|-time)?\.ts$/,
    neverPackages: [TEMPORAL],
    why: 'api/temporal.ts alone talks to Temporal',
  },
];

/** Files that may read the environment: configuration, and the main files, which pass it on. */
export const ENVIRONMENT_READERS = [
  /^config\//,
  /^(api|local|ops|service|simulator|worker)\/main\.ts$/,
  /^prisma\/migrate\.ts$/,
  /^prisma\.config\.ts$/,
  /^(test|scripts)\//,
];

/** Files that may import a module whose name is only known when they run. */
export const DYNAMIC_IMPORTERS = [/^product\/load\.ts$/, /^(test|scripts)\//];
