import { Modal } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { actions, queries } from '../api/client.ts';
import type { ClientKey } from '../api/types.ts';
import styles from '../gateway/controls-page.module.css';
import { SelectField } from '../ui/field.tsx';
import { Id } from '../ui/marks.tsx';
import { Button, Empty, Loading, pageStyles, Panel, ProblemNote } from '../ui/page.tsx';
import { useNow } from '../ui/use-now.ts';
import { ago } from '../ui/words.ts';

/** Keys that applications present to the gateway. Each is bound to one client element of the model. */
export function ClientKeys() {
  const keys = useQuery(queries.keys());
  if (keys.error) return <ProblemNote problem={keys.error} retry={() => void keys.refetch()} />;
  if (keys.isPending) return <Loading what="the client keys" />;
  return (
    <>
      <CreateKey />
      <Panel
        title="Keys"
        note="Only a keyed hash is stored; a lost key is replaced, never shown again."
        flush
      >
        {keys.data.length === 0 ? (
          <Empty title="No application has a key yet" command="merlon key create --client <element>">
            Create one above, or from the command line.
          </Empty>
        ) : (
          <KeyTable keys={keys.data} />
        )}
      </Panel>
    </>
  );
}

function CreateKey() {
  const cache = useQueryClient();
  const system = useQuery(queries.system());
  const plan = useQuery(queries.plan());
  const clipboard = useClipboard({ timeout: 2_000 });
  const clients = [...new Set(plan.data?.routes.map((route) => route.client))];
  const [chosen, setChosen] = useState('');
  const client = chosen || clients[0] || '';
  const create = useMutation({
    mutationFn: () => actions.createKey(client),
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.keys().queryKey }),
  });
  return (
    <Panel
      title="New key"
      note={
        <>
          An application sends it as <code>Authorization: Bearer</code> to{' '}
          <code>{system.data?.dataPlane}/v1</code>
        </>
      }
    >
      <div className={styles.create}>
        <SelectField
          label="Client element"
          value={client}
          onChange={setChosen}
          options={clients.map((one) => ({ value: one, label: one }))}
        />
        <Button
          kind="primary"
          onClick={() => create.mutate()}
          reason={
            clients.length === 0
              ? 'No element of the model has a flow to a model element, so no key could be used.'
              : create.isPending
                ? 'The key is being made.'
                : undefined
          }
        >
          Create key
        </Button>
      </div>
      {create.error ? <ProblemNote problem={create.error} /> : null}
      <Modal
        opened={create.data !== undefined}
        onClose={create.reset}
        title={`Key for ${create.data?.client ?? ''}`}
        closeButtonProps={{ 'aria-label': 'Close' }}
        centered
        size="lg"
      >
        <div className={styles.secret}>
          <p>Copy it now. It is shown this once.</p>
          <code aria-label="The new key">{create.data?.key}</code>
          <div className={styles.buttons}>
            <Button kind="primary" onClick={() => clipboard.copy(create.data?.key)}>
              {clipboard.copied ? 'Copied' : 'Copy'}
            </Button>
            <Button onClick={create.reset}>I have stored it</Button>
          </div>
        </div>
      </Modal>
    </Panel>
  );
}

function KeyTable({ keys }: { keys: readonly ClientKey[] }) {
  const cache = useQueryClient();
  const now = useNow();
  const revoke = useMutation({
    mutationFn: actions.revokeKey,
    onSettled: () => cache.invalidateQueries({ queryKey: queries.keys().queryKey }),
  });
  return (
    <>
      {revoke.error ? <ProblemNote problem={revoke.error} /> : null}
      <div className={pageStyles.scroll}>
        <table className={pageStyles.table} aria-label="Client keys">
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col">Client</th>
              <th scope="col">Created</th>
              <th scope="col">Last used</th>
              <th scope="col">
                <span className="visually-hidden">Revoke</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {keys.map((key) => (
              <tr key={key.id}>
                <td>
                  <Id>{key.id}</Id>
                </td>
                <td>
                  <Id>{key.client}</Id>
                </td>
                <td>{ago(key.created, now)}</td>
                <td>
                  {key.lastUsed === undefined ? <span className="muted">never</span> : ago(key.lastUsed, now)}
                </td>
                <td style={{ textAlign: 'right' }}>
                  {key.revoked === undefined ? (
                    <Button
                      small
                      kind="danger"
                      label={`Revoke key ${key.id}`}
                      onClick={() => revoke.mutate(key.id)}
                    >
                      Revoke
                    </Button>
                  ) : (
                    <span className="muted">revoked {ago(key.revoked, now)}</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
