"""From a Summary to bytes and people: columns, one module a format, diagnostics, output."""
