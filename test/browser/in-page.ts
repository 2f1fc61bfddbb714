import type { Page } from 'playwright-core'

/**
 * Runs an expression in a world of its own beside the page's scripts and resolves to its value. Unlike
 * `page.evaluate` it needs no eval, so it works under the page's own content security policy.
 */
export async function inPage<Value>(page: Page, expression: string): Promise<Value> {
  const session = await page.context().newCDPSession(page)
  try {
    const { frameTree } = await session.send('Page.getFrameTree')
    const { executionContextId: contextId } = await session.send('Page.createIsolatedWorld', {
      frameId: frameTree.frame.id,
      worldName: 'test',
    })
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      contextId,
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
    if (exceptionDetails) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    }
    return result.value as Value
  } finally {
    await session.detach()
  }
}
