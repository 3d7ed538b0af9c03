"""The tests of dgmlang; a package, so that its pytest plugin can be named."""
