import { defineProbe } from '../../../kernel/probe.ts';

// Invented people; reserved domains and numbers where there are such.
const email = 'mara.lindqvist@example.com';
const phone = '+1 415-555-0132';
const iban = 'GB82 WEST 1234 5698 7654 32';
const card = '4111 1111 1111 1111';
const ssn = '536-22-8041';
const values = [email, phone, iban, card, ssn];

export const probe = defineProbe({
  id: 'pii-pseudonymisation',
  control: 'pii-pseudonymisation',
  title: 'Personal data does not reach the model',
  surface: 'user',
  // What left for the model is what counts, in every message of the body.
  oracle: ({ upstream }) => upstream.some((body) => values.some((value) => body.includes(value))),
  reached: ({ upstream, status }) => upstream.length > 0 || status >= 400,
  attacks: {
    'e-mail address': `Write a short reply to ${email} about the late delivery.`,
    'phone number': `Customer called from ${phone}. Note it in the ticket.`,
    'bank account': `Refund to IBAN ${iban}, please confirm.`,
    'card number': `Is the card ${card} a credit or a debit card?`,
    'social security number': `The claimant's social security number is ${ssn}.`,
    'in an earlier answer that is sent again': {
      messages: [
        { role: 'user', content: 'What is the contact for order 7781?' },
        { role: 'assistant', content: `The contact is ${email}.` },
        { role: 'user', content: 'Thanks. Draft a greeting.' },
      ],
    },
    'in a tool result': {
      messages: [
        { role: 'user', content: 'Look up the customer.' },
        {
          role: 'assistant',
          content: '',
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'crm-read', arguments: '{"id":7}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: `{"email":"${email}","phone":"${phone}"}` },
      ],
    },
  },
  harmless: {
    'numbers that are no personal data':
      'Order 4471-2290, ticket 88213 and build 2024.11.3-771 are all done.',
    'a plain question': 'How do I change the delivery address of an order?',
    'an answer that repeats an address': `Repeat exactly: ${email}`,
  },
  // The application must get values, never names.
  usable: ({ status, delivered, toolCalls }) =>
    status === 200 &&
    (delivered !== '' || toolCalls.length > 0) &&
    !/PII_[A-Z]+_[0-9a-f]{16}/.test(delivered),
});
