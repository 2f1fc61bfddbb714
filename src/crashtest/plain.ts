import { sleep } from '../clock'
import { allRecipes } from '../lifecycle/recipes'
import { done, type Recipe, type StepContext, type StepResult } from '../runs/recipe'
import type { Services } from '../services'

/** The recipes as somebody would write them who has no steps: one function that makes the same calls in their order. */
export function plainRecipes(services: Services): Recipe[] {
  return allRecipes(services).map((recipe) => ({
    ...recipe,
    pointOfNoReturn: undefined,
    steps: [
      {
        name: 'all-at-once',
        title: 'All at once',
        patience: { ms: 0 },
        run: (context: StepContext) => runAll(services, recipe, context),
      },
    ],
  }))
}

async function runAll(services: Services, recipe: Recipe, context: StepContext): Promise<StepResult> {
  const outputs = new Map<string, Record<string, unknown>>()
  for (const step of recipe.steps) {
    const startedAt = context.now()
    const plain: StepContext = {
      ...context,
      step: step.name,
      startedAt,
      output: (name) => outputs.get(name) ?? {},
      effect: (_intent, call) => call(),
    }
    let result = await step.run(plain)
    while (result.kind === 'wait') {
      await sleep(services.clock, result.ms)
      result = await step.run(plain)
    }
    outputs.set(step.name, result.output)
    const { commit } = result
    if (commit) services.db.write((tx) => commit(tx, context.now()))
  }
  return done()
}

/** Providers that find nothing again: every name, label, command id and key is another in each life. */
export function unlike(services: Services): Services {
  const { cloud, machines, mailer, payments, random } = services
  // A number, as the next try of a command has one: on the machine it is the same command once more.
  const life = Buffer.from(random(3)).readUIntBE(0, 3)
  const unlike = (name: string) => `${name}-${life}`
  return {
    ...services,
    cloud: replaced(cloud, {
      ensureServer: (spec) => cloud.ensureServer({ ...spec, name: unlike(spec.name) }),
      ensureImage: (id, spec) =>
        cloud.ensureImage(id, { ...spec, labels: { ...spec.labels, backup: unlike('backup') } }),
    }),
    machines: replaced(machines, {
      run: (target, command, options) =>
        machines.run(target, { ...command, commandId: unlike(command.commandId) }, options),
    }),
    payments: replaced(payments, {
      changePrice: (id, price, key) => payments.changePrice(id, price, unlike(key)),
    }),
    mailer: { send: (mail, key) => mailer.send(mail, unlike(key)) },
  }
}

/** The same object with some of its methods replaced. */
export function replaced<T extends object>(original: T, methods: Partial<T>): T {
  return new Proxy(original, {
    get(target, name) {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
