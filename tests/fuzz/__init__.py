"""Programs that fuzz the C core under the sanitizers, and the tests that drive them."""
