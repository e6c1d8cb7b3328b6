//go:build !race && !uniodebug

package uringengine

// checked says that buffers are tracked, which allocates.
const checked = false
