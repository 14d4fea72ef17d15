import { Problem } from '../kernel/problem.ts';
import type { Store } from '../ports/store.ts';

/**
 * Opens the store that a URL names: `sqlite:/path/merlon.db`, `sqlite::memory:` or `postgres://user@host/database?schema=name`.
 * Drivers are loaded when they are needed.
 */
export async function openStore(url: string): Promise<Store> {
  if (url.startsWith('sqlite:')) {
    const { openSqlite } = await import('./sqlite/sqlite.ts');
    return openSqlite(url.slice('sqlite:'.length));
  }
  if (/^postgres(?:ql)?:\/\//.test(url)) {
    const { openPostgres } = await import('./postgres/postgres.ts');
    return openPostgres(url);
  }
  throw new Problem('CONFIG_INVALID', {
    detail: `\`${url.replace(/:.*/s, ':…')}\` is not the URL of a store`,
    fix: 'Write `sqlite:/path/to/merlon.db` or `postgres://user@host/database`.',
  });
}
