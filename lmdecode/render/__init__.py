"""What people and programs see: tables, lines, pages, files for other tools."""
