import { type Command, type Machine, settled } from './machine'
import { type Grip, type TransferOptions, transfer } from './transfer'
import type { TransferInput } from './transfer-input'
import { refusal } from './work'

type Live = { commandId: string; ended: Promise<void>; power: AbortController }

/** The transfers that are under way in this process, one a machine. */
export class Transfers {
  private readonly byMachine = new Map<string, Live>()

  constructor(private readonly options: TransferOptions) {}

  /** Whether a command is carrying something; otherwise one without an end was interrupted. */
  isCarrying(machineId: string, commandId?: string): boolean {
    const live = this.byMachine.get(machineId)
    return live !== undefined && (commandId === undefined || live.commandId === commandId)
  }

  /** Resolves when what is being carried has ended, one way or the other. */
  async ended(machineId: string): Promise<void> {
    await this.byMachine.get(machineId)?.ended
  }

  begin(machineId: string, command: Command, input: TransferInput): void {
    const power = new AbortController()
    const grip = this.gripOn(machineId, command, power.signal)
    const ended = transfer(input, grip, this.options)
      .catch(() => refusal('internal', 'The agent failed.'))
      .then((end) => {
        const endsAt = this.options.world.now()
        if (end) grip.change((machine) => withEnd(machine, { ...command, end, endsAt }))
        if (this.byMachine.get(machineId)?.power === power) this.byMachine.delete(machineId)
      })
    this.byMachine.set(machineId, { commandId: command.id, ended, power })
  }

  /** The machine's power is gone, and with it what it was carrying. */
  drop(machineId: string): void {
    this.byMachine.get(machineId)?.power.abort()
    this.byMachine.delete(machineId)
  }

  stop(): void {
    for (const machineId of [...this.byMachine.keys()]) this.drop(machineId)
  }

  private gripOn(machineId: string, { logs }: Command, signal: AbortSignal): Grip {
    const { world } = this.options
    const table = world.table<Machine>('machines')
    return {
      machine: () => table.get(machineId),
      change: (change) => {
        const machine = table.get(machineId)
        if (machine && !signal.aborted) table.put(change(settled(machine, world.now())))
      },
      fromMs: logs[0]?.at ?? world.now(),
      signal,
    }
  }
}

function withEnd(machine: Machine, ended: Command): Machine {
  const commands = machine.commands.map((command) => (command.id === ended.id ? ended : command))
  return { ...machine, commands }
}
