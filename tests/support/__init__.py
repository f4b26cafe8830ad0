"""What tests share: it is tested itself where that pays (tests/unit/support), and imports no test."""
