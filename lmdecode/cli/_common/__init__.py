"""What several commands share: options, errors, questions, progress."""
