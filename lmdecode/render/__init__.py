"""Output for people and programs: tables, lines, pages, files for other tools."""
