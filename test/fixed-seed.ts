import fc from 'fast-check'

// Loaded ahead of every test (bunfig.toml): with drawn seeds a run could fail, or take ten times as long, on a change
// that has nothing to do with it. Other examples are tried on purpose: PROPERTY_SEED=... bun run test.
fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 4_100) })
