import { Link } from '@tanstack/react-router';
import { Page } from '../ui/page.tsx';

export function NotFound() {
  return (
    <Page title="There is no such page">
      <p>
        The four questions start at the <Link to="/">overview</Link>.
      </p>
    </Page>
  );
}
