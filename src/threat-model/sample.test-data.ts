/** Models that several tests of this folder start from. */
export const supportCopilot = `schema: merlon/v1
system: {id: support-copilot, name: Support copilot, owner: support-platform, lifecycle: run, autonomy: medium}
catalogues: {atlas: "5.6.0", owasp-llm: "2026", owasp-asi: "2026"}       # every outside id carries its edition
data:
  - {id: ticket, class: confidential, categories: [personal], region: eu, retention: P90D}
zones:
  - {id: internet, trust: 0}
  - {id: app, trust: 2}
  - {id: provider, trust: 1, kind: third_party}
elements:
  - {id: customer, kind: user, zone: internet}
  - {id: bot, kind: agent, zone: app, tools: [crm-read, send-mail]}
  - {id: llm, kind: model, zone: provider, hosting: provider_api, trained_by: supplier, tuned: false}
  - {id: kb, kind: vector_store, zone: app, holds: [ticket], writers: [ingest]}
  - {id: ingest, kind: doc_ingest, zone: app}
  - {id: crm-read, kind: tool, zone: app, side_effect: read}
  - {id: send-mail, kind: tool, zone: app, side_effect: external_write, reversible: false}
flows:
  - {id: chat, from: customer, to: bot, carries: [ticket], channel: chat, tls: true}
  - {id: prompt, from: bot, to: llm, carries: [ticket], tls: true}
  - {id: mailing, from: bot, to: send-mail, carries: [ticket], tls: true}
controls:                                  # question 3: what we do, where, with which settings
  - {use: guard, on: [chat], settings: {threshold: 0.5}}
assumptions: [{id: a1, text: the provider deletes after 30 days, owner: dpo, expires: 2027-01-01, disables: [DAT-09]}]
decisions: [{threat: AGT-02@bot>send-mail, do: accept, by: ciso, until: 2027-03-01, why: "agreed"}]
bindings:                                  # which running thing an element is
  llm: {upstream: openai, model: gpt-4o-2024-11-20}
  bot: {client: support-bot}
`;
