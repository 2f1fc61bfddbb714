/** A machine as its driver describes it. */
export type MachineView = {
  serverId: string
  name: string
  ipv4: string
  state: 'off' | 'paused' | 'booting' | 'running'
  /** What the tenant's app does. */
  app: { state: string; release: string | null }
  isFull: boolean
}

/** How the control page reaches the machines. */
export interface MachineControl {
  list(): MachineView[]
  /** Pulls the plug: the machine is off, as after a power failure. */
  kill(serverId: string): void
  /** Freezes it: connections hang until it resumes. */
  pause(serverId: string): void
  /** Lets a paused machine go on, and boots one that was killed. */
  resume(serverId: string): void
  /** Takes the app down as if it had crashed, behind Atlas's back. */
  stopApp(serverId: string): void
  startApp(serverId: string): void
  /** Somebody deletes everything in the app, by mistake. */
  emptyApp(serverId: string): void
  /** Leaves no room on the disk for another image, or some again. */
  setFull(serverId: string, isFull: boolean): void
  /** Gives it another host key, as a reinstalled or an impostor's machine has. */
  changeHostKey(serverId: string): void
}

/** What can be done to a machine, by the noun in the address. */
const MOVES = {
  kill: (machines: MachineControl, id: string) => machines.kill(id),
  pause: (machines: MachineControl, id: string) => machines.pause(id),
  resume: (machines: MachineControl, id: string) => machines.resume(id),
  'app-stop': (machines: MachineControl, id: string) => machines.stopApp(id),
  'app-start': (machines: MachineControl, id: string) => machines.startApp(id),
  'data-loss': (machines: MachineControl, id: string) => machines.emptyApp(id),
  'disk-full': (machines: MachineControl, id: string) => machines.setFull(id, true),
  'disk-free': (machines: MachineControl, id: string) => machines.setFull(id, false),
  'host-key': (machines: MachineControl, id: string) => machines.changeHostKey(id),
}

export type MachineMove = keyof typeof MOVES

/** Whether there is such a move. */
export function isMachineMove(noun: string | undefined): noun is MachineMove {
  return noun !== undefined && Object.hasOwn(MOVES, noun)
}

/** Does it; null when there is no such machine. */
export function moveMachine(machines: MachineControl, id: string, move: MachineMove): MachineView | null {
  if (!viewOf(machines, id)) return null
  MOVES[move](machines, id)
  return viewOf(machines, id)
}

function viewOf(machines: MachineControl, id: string): MachineView | null {
  return machines.list().find(({ serverId }) => serverId === id) ?? null
}

/** What can be done to a machine as it is. */
export function movesFor({ state, app, isFull }: MachineView): [label: string, move: MachineMove][] {
  if (state === 'off') return [['Resume', 'resume']]
  const power: [string, MachineMove][] = [
    state === 'paused' ? ['Resume', 'resume'] : ['Pause', 'pause'],
    ['Kill', 'kill'],
    isFull ? ['Make room', 'disk-free'] : ['Fill the disk', 'disk-full'],
    ['Another host key', 'host-key'],
  ]
  if (app.state === 'running') return [...power, ['Stop app', 'app-stop'], ['Lose its data', 'data-loss']]
  return app.state === 'stopped' ? [...power, ['Start app', 'app-start']] : power
}
