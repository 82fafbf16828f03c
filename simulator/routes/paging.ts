import { codedError, type Reply } from './reply.js';
import type { Call } from './route.js';

/** Page size of an unpaged request and its limits (talkdesk-api.md 5, 11). */
const defaultPerPage = 20;
const largestPerPage = 200;

/** Which page is asked for, counted from 1. */
export interface Page {
  page: number;
  perPage: number;
}

/** The `page` and `per_page` of a request, or the refusal that names the wrong one. */
export function readPage(call: Call): { ok: true; asked: Page } | { ok: false; reply: Reply } {
  const page = readCount(call.query, 'page', 1, Number.MAX_SAFE_INTEGER);
  if (page === null) return { ok: false, reply: badPaging(call, 'page', 'must be a whole number from 1') };
  const perPage = readCount(call.query, 'per_page', defaultPerPage, largestPerPage);
  if (perPage !== null) return { ok: true, asked: { page, perPage } };
  return { ok: false, reply: badPaging(call, 'per_page', `must be a whole number from 1 to ${largestPerPage}`) };
}

/** What is on a page. */
export function onPage<T>(all: readonly T[], { page, perPage }: Page): T[] {
  return all.slice((page - 1) * perPage, page * perPage);
}

/** 0040001 is a bad request, bad paging too; the page of installation users does not document its own (talkdesk-api.md 4.6). */
export function badPaging(call: Call, name: string, description: string): Reply {
  call.entry.refusal = 'malformed';
  return codedError(400, '0040001', 'Bad request', `refused: ${name} ${description}`, [{ name, description }]);
}

function readCount(query: URLSearchParams, name: string, otherwise: number, largest: number): number | null {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = /^[1-9]\d*$/.test(text) ? Number(text) : 0;
  return value >= 1 && value <= largest ? value : null;
}
