/** Where forged links lead unless said: a name that is reserved, so that nobody answers there (RFC 2606). */
const elsewhere = 'https://elsewhere.example';

/**
 * The body with links under `_links`, at any depth, that lead to another origin; path and query stay.
 * @param options.links the names of those to forge, all unless said
 */
export function forgeLinks(
  body: unknown,
  options: { origin?: string | undefined; links?: string[] | undefined },
): unknown {
  const { origin = elsewhere, links } = options;
  if (Array.isArray(body)) return body.map((item) => forgeLinks(item, options));
  if (!isObject(body)) return body;
  const forged = Object.entries(body).map(([name, value]) => {
    if (name !== '_links' || !isObject(value)) return [name, forgeLinks(value, options)] as const;
    const changed = Object.entries(value).map(([link, target]) => {
      const chosen = links === undefined || links.includes(link);
      return [link, chosen && isObject(target) ? elsewhereOf(target, origin) : target] as const;
    });
    return [name, Object.fromEntries(changed)] as const;
  });
  return Object.fromEntries(forged);
}

function elsewhereOf(target: Record<string, unknown>, origin: string): object {
  const { href } = target;
  if (typeof href !== 'string' || !URL.canParse(href)) return target;
  const { pathname, search } = new URL(href);
  // The gateway itself has no path in its link.
  const path = pathname === '/' && !href.endsWith('/') ? '' : pathname;
  return { ...target, href: `${origin}${path}${search}` };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
