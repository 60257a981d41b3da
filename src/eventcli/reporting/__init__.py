"""From a Summary to bytes and people: columns, one module per format, diagnostics, output."""
