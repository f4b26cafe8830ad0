"""What is wanted and what is observed become ordered steps with reasons, or a refusal; pure."""
