import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { actions, queries } from '../api/client.ts';
import type { Approval } from '../api/types.ts';
import { Id } from '../ui/marks.tsx';
import { Button, Empty, Items, Loading, pageStyles, Panel, ProblemNote } from '../ui/page.tsx';
import { useNow } from '../ui/use-now.ts';
import { ago } from '../ui/words.ts';
import styles from './controls-page.module.css';
import { prettyArguments } from './settings.ts';

/** Tool calls that wait for a person. They are shown as they would run: the raw arguments, no summary of them. */
export function Approvals() {
  const approvals = useQuery(queries.approvals());
  const now = useNow(5_000);
  if (approvals.error)
    return <ProblemNote problem={approvals.error} retry={() => void approvals.refetch()} />;
  if (approvals.isPending) return <Loading what="the approvals" />;
  const pending = approvals.data.filter((approval) => approval.state === 'pending');
  const decided = approvals.data.filter((approval) => approval.state !== 'pending');
  return (
    <>
      <Panel
        title="Waiting for a decision"
        note="An approval holds for exactly these arguments. The agent repeats the call; a changed call asks again."
        flush
      >
        {pending.length === 0 ? (
          <Empty title="Nothing waits">
            An agent that calls a tool with an effect that cannot be undone will appear here, when{' '}
            <Link to="/controls" search={{ control: 'tool-policy' }}>
              <Id>tool-policy</Id>
            </Link>{' '}
            asks for it.
          </Empty>
        ) : (
          pending.map((approval) => <ApprovalRow key={approval.id} approval={approval} now={now} />)
        )}
      </Panel>
      {decided.length > 0 ? (
        <Panel title="Decided" flush>
          <div className={pageStyles.scroll}>
            <table className={pageStyles.table} aria-label="Decided tool calls">
              <thead>
                <tr>
                  <th scope="col">Agent and tool</th>
                  <th scope="col">Arguments</th>
                  <th scope="col">Decision</th>
                </tr>
              </thead>
              <tbody>
                {decided.map((approval) => (
                  <tr key={approval.id}>
                    <td>
                      <Id>{approval.agent}</Id> <span className="muted">calls</span> <Id>{approval.tool}</Id>
                    </td>
                    <td>
                      <code className={styles.arguments}>{approval.arguments}</code>
                    </td>
                    <td>
                      {approval.state === 'used' ? 'approved and used' : approval.state}{' '}
                      <span className="muted">
                        {approval.decided === undefined ? '' : ago(approval.decided, now)}
                      </span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Panel>
      ) : null}
    </>
  );
}

function ApprovalRow({ approval, now }: { approval: Approval; now: number }) {
  const cache = useQueryClient();
  const decide = useMutation({
    mutationFn: (decision: 'approved' | 'denied') => actions.decide(approval.id, decision),
    onSettled: () => cache.invalidateQueries({ queryKey: queries.approvals().queryKey }),
  });
  const reason = decide.isPending ? 'Your decision is being recorded.' : undefined;
  return (
    <article className={styles.approval} aria-label={`${approval.agent} wants to call ${approval.tool}`}>
      <div>
        <h3>
          <Id>{approval.agent}</Id> wants to call <Id>{approval.tool}</Id>
        </h3>
        <p className="muted">
          {approval.reason}, asked {ago(approval.at, now)}
        </p>
      </div>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a scrolling region must be reachable */}
      <pre tabIndex={0} aria-label="Raw arguments">
        {prettyArguments(approval.arguments)}
      </pre>
      {approval.threats.length > 0 ? (
        <Items>
          {approval.threats.map((key) => (
            <Link key={key} to="/threats" search={{ key }}>
              <Id>{key}</Id>
            </Link>
          ))}
        </Items>
      ) : null}
      <div className={styles.buttons}>
        <Button kind="primary" onClick={() => decide.mutate('approved')} reason={reason}>
          Approve this call
        </Button>
        <Button kind="danger" onClick={() => decide.mutate('denied')} reason={reason}>
          Deny
        </Button>
      </div>
      {decide.error ? <ProblemNote problem={decide.error} /> : null}
    </article>
  );
}
