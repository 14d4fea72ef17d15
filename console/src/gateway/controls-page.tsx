import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { ClientKeys } from '../access/client-keys.tsx';
import { actionOrder, queries } from '../api/client.ts';
import type { Action, Control, ControlBinding, Decisions } from '../api/types.ts';
import { ActionMark, Id, ReferenceMark } from '../ui/marks.tsx';
import { Empty, Items, Loading, Page, pageStyles, Panel, ProblemNote } from '../ui/page.tsx';
import { Prose } from '../ui/prose.tsx';
import { SidePanel } from '../ui/side-panel.tsx';
import { plural, spaced } from '../ui/words.ts';
import { Approvals } from './approvals.tsx';
import styles from './controls-page.module.css';
import { settingRows } from './settings.ts';

const areas = [
  { id: 'data', title: 'Data security' },
  { id: 'model', title: 'Model security' },
  { id: 'access', title: 'Access' },
  { id: 'soc', title: 'Security operations' },
] as const;

/** Question 3: what are we going to do about it? */
export function ControlsPage() {
  const { tab = 'controls' } = useSearch({ from: '/controls' });
  const controls = useQuery(queries.controls());
  const approvals = useQuery(queries.approvals());
  const keys = useQuery(queries.keys());
  const bound = controls.data?.filter((control) => control.bindings.length > 0).length;
  return (
    <Page
      numeral="3"
      title="What are we going to do about it?"
      lead={
        controls.data
          ? `${bound} of ${plural(controls.data.length, 'control')} bound to flows of the model and live in the gateway.`
          : null
      }
    >
      <nav className={pageStyles.tabs} aria-label="Parts of question 3">
        <Tab tab="controls" count={controls.data?.length} active={tab}>
          Controls
        </Tab>
        <Tab
          tab="approvals"
          count={approvals.data?.filter((approval) => approval.state === 'pending').length}
          active={tab}
        >
          Tool approvals
        </Tab>
        <Tab tab="keys" count={keys.data?.filter((key) => key.revoked === undefined).length} active={tab}>
          Client keys
        </Tab>
      </nav>
      {tab === 'controls' ? <ControlList /> : null}
      {tab === 'approvals' ? <Approvals /> : null}
      {tab === 'keys' ? <ClientKeys /> : null}
    </Page>
  );
}

function Tab({
  tab,
  active,
  count,
  children,
}: {
  tab: 'controls' | 'approvals' | 'keys';
  active: string;
  count: number | undefined;
  children: string;
}) {
  return (
    <Link
      to="/controls"
      search={{ tab }}
      className={pageStyles.tab}
      activeProps={{}}
      aria-current={tab === active ? 'page' : 'false'}
    >
      {children}
      {count === undefined ? null : <span>{count}</span>}
    </Link>
  );
}

function ControlList() {
  const { control: selected } = useSearch({ from: '/controls' });
  const navigate = useNavigate({ from: '/controls' });
  const controls = useQuery(queries.controls());
  const select = (control?: string) =>
    void navigate({ search: (before) => ({ ...before, control }), replace: true });
  if (controls.error) return <ProblemNote problem={controls.error} retry={() => void controls.refetch()} />;
  if (controls.isPending) return <Loading what="the controls" />;
  const chosen = controls.data.find((control) => control.id === selected);
  return (
    <>
      {areas.map(({ id, title }) => {
        const inArea = controls.data.filter((control) => control.area === id);
        if (inArea.length === 0) return null;
        return (
          <Panel key={id} title={title} flush>
            <div className={styles.area}>
              {inArea.map((control) => (
                <ControlRow key={control.id} control={control} onSelect={() => select(control.id)} />
              ))}
            </div>
          </Panel>
        );
      })}
      {controls.data.length === 0 ? (
        <Panel flush>
          <Empty title="No controls are built in" command="npm run generate && npm run build">
            Every folder under <code>controls/</code> is one. Write the registries again.
          </Empty>
        </Panel>
      ) : null}
      <SidePanel
        opened={chosen !== undefined}
        onClose={() => select()}
        kind="control"
        title={chosen?.title ?? ''}
      >
        {chosen ? <ControlDetail control={chosen} /> : null}
      </SidePanel>
    </>
  );
}

function ControlRow({ control, onSelect }: { control: Control; onSelect: () => void }) {
  const threats = new Set(control.bindings.flatMap((binding) => binding.threats));
  return (
    <button type="button" className={`plain ${styles.control}`} onClick={onSelect}>
      <span>
        <strong>{control.title}</strong> <Id>{control.id}</Id>
      </span>
      <DecisionCounts decisions={control.decisions} />
      <span className={styles.summary}>{control.summary}</span>
      <span className={styles.where}>
        <span>{control.bindings.length === 0 ? 'bound nowhere' : `on ${whereText(control.bindings)}`}</span>
        <span>answers {plural(threats.size, 'threat')}</span>
        <span>{plural(control.probes.length, 'probe')}</span>
      </span>
    </button>
  );
}

function whereText(bindings: readonly ControlBinding[]): string {
  const flows = [...new Set(bindings.flatMap((binding) => binding.on))];
  return bindings.some((binding) => binding.on.length === 0) ? 'every flow' : flows.join(', ');
}

function DecisionCounts({ decisions }: { decisions: Decisions }) {
  const made = actionOrder.filter((action: Action) => decisions[action] > 0);
  return (
    <span className={styles.counts}>
      {made.length === 0 ? <span className="muted">no decisions yet</span> : null}
      {made.map((action) => (
        <span key={action} className={styles.counts}>
          <span className="mono">{decisions[action].toLocaleString('en')}</span>
          <ActionMark action={action} past />
        </span>
      ))}
    </span>
  );
}

function ControlDetail({ control }: { control: Control }) {
  return (
    <>
      <section className={styles.section} aria-label="About">
        <p>
          <Id>{control.id}</Id> <span className="muted">acts on each {spaced(control.point)}</span>
        </p>
        <DecisionCounts decisions={control.decisions} />
      </section>
      <section className={styles.section} aria-label="Bindings">
        <h3>Bound to</h3>
        {control.bindings.length === 0 ? (
          <Empty title="Bound nowhere" command={`controls: [{use: ${control.id}, on: [<flow>]}]`}>
            Add it to <code>controls:</code> in the threat model.
          </Empty>
        ) : (
          control.bindings.map((binding, index) => (
            // oxlint-disable-next-line react/no-array-index-key -- bindings have no id of their own
            <Binding key={index} control={control} binding={binding} />
          ))
        )}
      </section>
      <section className={styles.section} aria-label="Help">
        <Prose source={control.readme} />
      </section>
      <section className={styles.section} aria-label="Coverage">
        <h3>Serves the objectives</h3>
        <Items>
          {control.objectives.map((objective) => (
            <Id key={objective}>{objective}</Id>
          ))}
        </Items>
        <h3>Answers</h3>
        <Items>
          {control.mitigates.map((reference) => (
            <ReferenceMark key={reference} reference={reference} />
          ))}
        </Items>
        <h3>Proven by</h3>
        {control.probes.length === 0 ? (
          <p className="muted">No probe attacks it.</p>
        ) : (
          <Items>
            {control.probes.map((probe) => (
              <Link key={probe} to="/evidence" search={{ probe }}>
                <Id>{probe}</Id>
              </Link>
            ))}
          </Items>
        )}
      </section>
    </>
  );
}

function Binding({ control, binding }: { control: Control; binding: ControlBinding }) {
  const rows = settingRows(control.settingsSchema, binding.settings);
  return (
    <div className={styles.binding}>
      <header>
        On{' '}
        {binding.on.length === 0
          ? 'every flow'
          : binding.on.map((flow, index) => (
              <span key={flow}>
                {index > 0 ? ', ' : ''}
                <Link to="/model" search={{ select: flow }}>
                  <Id>{flow}</Id>
                </Link>
              </span>
            ))}
        , answering {plural(binding.threats.length, 'threat')}
      </header>
      {rows.length === 0 ? (
        <div className={styles.setting}>
          <p>It has no settings.</p>
        </div>
      ) : (
        <dl style={{ margin: 0 }}>
          {rows.map((row) => (
            <div key={row.name} className={styles.setting}>
              <dt>
                {row.name}
                <small>{row.type}</small>
              </dt>
              <dd data-changed={row.changed || undefined}>
                {row.value}
                <small>{row.changed ? `default ${row.standard}` : 'default'}</small>
              </dd>
              {row.description ? <dd className={styles.meaning}>{row.description}</dd> : null}
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}
