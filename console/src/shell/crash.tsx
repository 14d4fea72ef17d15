import { Page, ProblemNote } from '../ui/page.tsx';

/** A page that could not be drawn, most often because a newer console was installed since this one was loaded. */
export function Crash({ error }: { error: unknown }) {
  return (
    <main>
      <Page title="This page could not be drawn">
        <p>If Merlon was updated since this tab was opened, loading it again helps.</p>
        <ProblemNote problem={error} retry={() => location.reload()} />
      </Page>
    </main>
  );
}
