"""What an ESXi host allows, asks for and answers."""
