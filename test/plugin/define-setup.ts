import type { DefineSetup } from '../../src/plugin/host.ts'

/** What the host makes of a setup contract, without its parsing: that is the gateway test's to show. */
export const defineSetup: DefineSetup = ({ fields, adapter }) => ({
  kind: 'channel-owned',
  metadata: { fields: Object.entries(fields).map(([key, field]) => ({ ...field, key })) },
  validateInput: ({ cfg, accountId, input }) => adapter.validateInput?.({ cfg, accountId, input: { ...Object(input) } }) ?? null,
  applyAccountConfig: ({ cfg, accountId, input }) => adapter.applyAccountConfig({ cfg, accountId, input: { ...Object(input) } }),
})
