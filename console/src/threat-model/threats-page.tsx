import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import {
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_alphanumeric,
  tableFeatures,
  useTable,
  type SortingState,
} from '@tanstack/react-table';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useDeferredValue, useEffect, useMemo, useRef } from 'react';
import { queries } from '../api/client.ts';
import type { Level, Model, RiskTerm, Threat, Witness } from '../api/types.ts';
import { SelectField, TextField } from '../ui/field.tsx';
import { formatRisk, Id, LevelMark, ReferenceMark, StatusMark } from '../ui/marks.tsx';
import { Button, Empty, Items, Loading, Page, pageStyles, Panel, ProblemNote } from '../ui/page.tsx';
import { SidePanel } from '../ui/side-panel.tsx';
import { levels, plural, spaced, statuses, statusWords, strideWord } from '../ui/words.ts';
import { Diagram } from './diagram.tsx';
import { grouped, groupings, matching, sortOf, type GroupBy } from './threat-list.ts';
import styles from './threats-page.module.css';

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric },
});
const column = createColumnHelper<typeof features, Threat>();

const columns = column.columns([
  column.accessor('title', {
    header: 'Threat',
    sortFn: 'alphanumeric',
    cell: ({ row: { original: threat } }) => (
      <span className="muted">
        <Id>{threat.key}</Id>
      </span>
    ),
  }),
  column.accessor('risk', {
    header: 'Risk',
    sortDescFirst: true,
    cell: ({ row: { original: threat } }) => (
      <>
        <LevelMark level={threat.level} />
        <div className={`${styles.number} muted`}>
          {threat.likelihood} × {threat.impact} = {threat.risk}
        </div>
      </>
    ),
  }),
  column.accessor((threat) => statuses.indexOf(threat.status), {
    id: 'status',
    header: 'Status',
    cell: ({ row: { original: threat } }) => <StatusMark status={threat.status} />,
  }),
  column.accessor('residual', {
    header: 'Residual',
    sortDescFirst: true,
    cell: ({ row: { original: threat } }) => (
      <>
        <LevelMark level={threat.residualLevel} value={threat.residual} />
        <div className={styles.narrow}>
          <StatusMark status={threat.status} />
        </div>
      </>
    ),
  }),
]);

const none: Threat[] = [];

/** Question 2: what can go wrong? */
export function ThreatsPage() {
  const search = useSearch({ from: '/threats' });
  const navigate = useNavigate({ from: '/threats' });
  const threats = useQuery(queries.threats());
  const model = useQuery(queries.model());
  const set = useCallback(
    (part: Partial<typeof search>) =>
      void navigate({ search: (before) => ({ ...before, ...part }), replace: true, resetScroll: false }),
    [navigate],
  );

  const all = threats.data?.threats ?? none;
  const q = useDeferredValue(search.q);
  const shown = useMemo(
    () => matching(all, { q, level: search.level, status: search.status }),
    [all, q, search.level, search.status],
  );
  const selected = all.find((threat) => threat.key === search.key);
  const narrow = useMediaQuery('(max-width: 1180px)', undefined, { getInitialValueInEffect: false });
  const picture = model.data ? (
    <div className={styles.canvas}>
      <Diagram
        model={model.data.model}
        threats={all}
        witness={selected}
        legend={false}
        onSelect={(id) => void navigate({ to: '/model', search: { select: id } })}
      />
    </div>
  ) : null;
  const open = all.filter((threat) => threat.status === 'open' || threat.status === 'failing').length;

  return (
    <Page
      numeral="2"
      title="What can go wrong?"
      lead={
        threats.data
          ? `${plural(all.length, 'threat')} derived from the model, ${open === 0 ? 'none' : open} open or failing. Each is explained by the path an attack would take.`
          : null
      }
    >
      {threats.error ? <ProblemNote problem={threats.error} retry={() => void threats.refetch()} /> : null}
      {threats.isPending ? <Loading what="the threats" /> : null}
      {threats.data && all.length === 0 ? (
        <Panel flush>
          <Empty title="No rule found a threat" command="merlon model check threat-model.yaml">
            A model with a user, a model element and a flow between them has threats. Check that the file
            declares its flows.
          </Empty>
        </Panel>
      ) : null}
      {all.length > 0 ? (
        <>
          <Filters search={search} set={set} threats={all} />
          <div className={styles.split}>
            <Panel flush>
              {shown.length === 0 ? (
                <Empty title="No threat matches">
                  <Button onClick={() => set({ q: undefined, level: undefined, status: undefined })}>
                    Clear the filters
                  </Button>
                </Empty>
              ) : (
                <ThreatTable
                  threats={shown}
                  group={search.group}
                  sort={search.sort}
                  selected={search.key}
                  onSort={(sort) => set({ sort })}
                  onSelect={(key) => set({ key })}
                />
              )}
            </Panel>
            {narrow ? (
              <SidePanel
                opened={selected !== undefined}
                onClose={() => set({ key: undefined })}
                kind={selected?.key ?? ''}
                title={selected?.title ?? ''}
              >
                {picture}
                {selected ? <Detail threat={selected} model={model.data?.model} titled={false} /> : null}
              </SidePanel>
            ) : (
              <aside className={styles.aside} aria-label="Selected threat">
                <Panel flush>{picture}</Panel>
                {selected ? (
                  <Panel>
                    <Detail threat={selected} model={model.data?.model} />
                  </Panel>
                ) : (
                  <p className="muted">
                    Select a threat to see its path through the diagram and how its risk is computed.
                  </p>
                )}
              </aside>
            )}
          </div>
        </>
      ) : null}
    </Page>
  );
}

function Filters({
  search,
  set,
  threats,
}: {
  search: {
    q?: string | undefined;
    level?: Level | undefined;
    status?: string | undefined;
    group?: GroupBy | undefined;
  };
  set: (part: {
    q?: string | undefined;
    level?: Level | undefined;
    status?: string | undefined;
    group?: GroupBy | undefined;
  }) => void;
  threats: readonly Threat[];
}) {
  const present = statuses.filter((status) => threats.some((threat) => threat.status === status));
  return (
    <div className={styles.filters} role="search" aria-label="Threats">
      <TextField
        label="Search"
        search
        value={search.q ?? ''}
        onChange={(q) => set({ q: q || undefined })}
        placeholder="Key, title, element, reference, control"
      />
      <SelectField
        label="Level"
        value={search.level ?? ''}
        onChange={(level) => set({ level: levels.find((one) => one === level) })}
        options={[
          { value: '', label: 'All levels' },
          ...levels.map((level) => ({ value: level, label: level })),
        ]}
      />
      <SelectField
        label="Status"
        value={search.status ?? ''}
        onChange={(status) => set({ status: status || undefined })}
        options={[
          { value: '', label: 'All statuses' },
          ...present.map((status) => ({ value: status, label: statusWords[status].word })),
        ]}
      />
      <SelectField
        label="Group by"
        value={search.group ?? ''}
        onChange={(group) => set({ group: groupings.find((one) => one === group) })}
        options={[
          { value: '', label: 'Nothing' },
          { value: 'element', label: 'Element' },
          { value: 'stride', label: 'STRIDE' },
          { value: 'catalogue', label: 'Catalogue' },
        ]}
      />
    </div>
  );
}

function ThreatTable({
  threats,
  group,
  sort,
  selected,
  onSort,
  onSelect,
}: {
  threats: Threat[];
  group: GroupBy | undefined;
  sort: string | undefined;
  selected: string | undefined;
  onSort: (sort: string) => void;
  onSelect: (key: string) => void;
}) {
  const sorting = useMemo<SortingState>(() => [sortOf(sort)], [sort]);
  const table = useTable({
    features,
    columns,
    data: threats,
    state: { sorting },
    enableSortingRemoval: false,
    getRowId: (threat) => threat.key,
    onSortingChange: (update) => {
      const [next] = typeof update === 'function' ? update(sorting) : update;
      if (next) onSort(`${next.id}.${next.desc ? 'desc' : 'asc'}`);
    },
  });
  const rows = table.getRowModel().rows;
  const byKey = new Map(rows.map((row) => [row.id, row]));
  const groups = group
    ? grouped(
        rows.map((row) => row.original),
        group,
      )
    : [{ name: '', threats: rows.map((row) => row.original) }];
  const chosen = useRef<HTMLTableRowElement>(null);

  useEffect(() => chosen.current?.scrollIntoView({ block: 'nearest' }), []);

  return (
    <div className={pageStyles.scroll}>
      <table className={pageStyles.table} aria-label="Threats">
        <thead>
          {table.getHeaderGroups().map((headerGroup) => (
            <tr key={headerGroup.id}>
              {headerGroup.headers.map((header) => {
                const sorted = header.column.getIsSorted();
                return (
                  <th
                    key={header.id}
                    scope="col"
                    className={header.id === 'status' || header.id === 'risk' ? styles.wide : undefined}
                    aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : 'none'}
                  >
                    <button
                      type="button"
                      className={`plain ${styles.sorter}`}
                      data-sorted={sorted || undefined}
                      onClick={header.column.getToggleSortingHandler()}
                    >
                      <table.FlexRender header={header} />
                      <span aria-hidden="true">{sorted === 'asc' ? '↑' : sorted === 'desc' ? '↓' : ''}</span>
                    </button>
                  </th>
                );
              })}
            </tr>
          ))}
        </thead>
        {groups.map(({ name, threats: members }) => (
          <tbody key={name}>
            {name ? (
              <tr className={styles.group}>
                <th scope="rowgroup" colSpan={columns.length}>
                  {name}
                  <span>{members.length}</span>
                </th>
              </tr>
            ) : null}
            {members.map((threat) => {
              const row = byKey.get(threat.key);
              const isSelected = threat.key === selected;
              return (
                <tr
                  key={threat.key}
                  className={styles.row}
                  data-selected={isSelected || undefined}
                  ref={isSelected ? chosen : undefined}
                  onClick={() => onSelect(threat.key)}
                >
                  {row?.getAllCells().map((cell) => (
                    <td
                      key={cell.id}
                      className={
                        cell.column.id === 'status' || cell.column.id === 'risk' ? styles.wide : undefined
                      }
                    >
                      {cell.column.id === 'title' ? (
                        <button
                          type="button"
                          className={`plain ${styles.name}`}
                          aria-pressed={isSelected}
                          onClick={() => onSelect(threat.key)}
                        >
                          {threat.title}
                        </button>
                      ) : null}
                      <table.FlexRender cell={cell} />
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        ))}
      </table>
    </div>
  );
}

/** Everything that is known of one threat, with every term of its risk. */
function Detail({
  threat,
  model,
  titled = true,
}: {
  threat: Threat;
  model: Model | undefined;
  /** Off where the title stands above already. */
  titled?: boolean;
}) {
  return (
    <article className={styles.detail} aria-label={`Threat ${threat.key}`}>
      {titled ? (
        <header>
          <Id>{threat.key}</Id>
          <h2>{threat.title}</h2>
        </header>
      ) : null}
      <div className={styles.headline}>
        <LevelMark level={threat.level} />
        <StatusMark status={threat.status} />
      </div>
      <p>{threat.summary}</p>
      {threat.statusReason ? <p className="muted">{threat.statusReason}</p> : null}
      <div className={styles.equation} aria-label="Risk">
        <span>
          {threat.likelihood}
          <small>likelihood</small>
        </span>
        <span>×</span>
        <span>
          {threat.impact}
          <small>impact</small>
        </span>
        <span>=</span>
        <span>
          {threat.risk}
          <small>inherent</small>
        </span>
        <span aria-hidden="true">→</span>
        <span>
          {formatRisk(threat.residual)}
          <small>residual</small>
        </span>
      </div>
      <Terms
        caption={`Likelihood ${threat.likelihood} of 5`}
        terms={threat.terms.filter((term) => term.of === 'likelihood')}
      />
      <Terms
        caption={`Impact ${threat.impact} of 5`}
        terms={threat.terms.filter((term) => term.of === 'impact')}
      />
      <section className={styles.part}>
        <h3>{threat.witness.length > 1 ? 'Witness paths' : 'Witness path'}</h3>
        {threat.witness.length === 0 ? <p className="muted">The rule looks at the element alone.</p> : null}
        {threat.witness.map((witness) => (
          <Path key={`${witness.text} ${witness.why}`} witness={witness} model={model} />
        ))}
      </section>
      <Conditions threat={threat} />
      <section className={styles.part}>
        <h3>Answered by</h3>
        {threat.controls.length === 0 ? (
          <p className="muted">
            No bound control serves what this rule asks for. Bind one under <code>controls:</code> in the
            threat model.
          </p>
        ) : (
          <Items>
            {threat.controls.map((control) => (
              <Link key={control} to="/controls" search={{ control }}>
                <Id>{control}</Id>
              </Link>
            ))}
          </Items>
        )}
        {threat.objectives && threat.objectives.missing.length > 0 ? (
          <p className="muted">
            Nothing bound serves <code>{threat.objectives.missing.join(', ')}</code>
          </p>
        ) : null}
      </section>
      <section className={styles.part}>
        <h3>Known as</h3>
        <Items>
          {[
            ...threat.refs.map((reference) => <ReferenceMark key={reference} reference={reference} />),
            ...threat.stride.map((letter) => (
              <span key={letter} className="muted">
                {strideWord(letter)}
              </span>
            )),
          ]}
        </Items>
        {threat.lifecycle.length > 0 ? (
          <p className="muted">Arises in: {threat.lifecycle.map(spaced).join(', ')}</p>
        ) : null}
      </section>
    </article>
  );
}

function Terms({ caption, terms }: { caption: string; terms: readonly RiskTerm[] }) {
  if (terms.length === 0) return null;
  return (
    <table className={styles.terms}>
      <caption>{caption}</caption>
      <tbody>
        {terms.map((term) => (
          <tr key={`${term.name} ${term.why}`}>
            <td>{term.value > 0 ? `+${term.value}` : term.value}</td>
            <th scope="row">{spaced(term.name)}</th>
            <td>{term.why}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The conditions of the rule that held, and what the file leaves unsaid. */
function Conditions({ threat: { facts = [], unknown = [] } }: { threat: Threat }) {
  if (facts.length === 0 && unknown.length === 0) return null;
  return (
    <section className={styles.part}>
      <h3>Why the rule applies</h3>
      <ul className={styles.conditions}>
        {facts.map((fact) => (
          <li key={fact.text}>
            <code>{fact.text}</code>
            {fact.values.length > 0 ? (
              <span className="muted">
                {' '}
                {fact.values.map(({ name, value }) => `${name} is ${value}`).join(', ')}
              </span>
            ) : null}
          </li>
        ))}
      </ul>
      {unknown.length > 0 ? (
        <p className="muted">
          The file does not say <code>{unknown.join(', ')}</code>; saying so may settle it.
        </p>
      ) : null}
    </section>
  );
}

function Path({ witness, model }: { witness: Witness; model: Model | undefined }) {
  const flows = new Set(model?.flows.map((flow) => flow.id));
  return (
    <div>
      <ol className={styles.path} aria-label={witness.text}>
        {witness.path.map((id, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- a path may pass the same place twice
          <li key={index}>
            {index > 0 ? (
              <span aria-hidden="true" className="muted">
                →
              </span>
            ) : null}
            <Link to="/model" search={{ select: id }} data-kind={flows.has(id) ? 'flow' : 'element'}>
              {id}
            </Link>
          </li>
        ))}
      </ol>
      {witness.why ? <p className="muted">{witness.why}</p> : null}
    </div>
  );
}
